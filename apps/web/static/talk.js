// Conversations: what is said elsewhere appears, what is seen is marked read, Enter sends.

import { ask, say, swap } from './forms.js';

const byId = (id) => document.getElementById(id);

// ---- what is said elsewhere -------------------------------------------------------------------------------------------

// Several events make one question; the next is asked when that one is answered, so that no answer is older than what is shown.
const TOGETHER = 60;
let wanted = false;
let asking = false;

function ring() {
  if (!wanted && !asking) setTimeout(refresh, TOGETHER);
  wanted = true;
}
document.addEventListener('talk', ring);

async function refresh() {
  [wanted, asking] = [false, true];
  await Promise.all([number(), list(), thread()]);
  asking = false;
  if (wanted) setTimeout(refresh, TOGETHER);
}

async function number() {
  const answer = await ask('/app/messages/unread');
  if (answer.ok) swap(answer.text);
}

async function list() {
  if (!byId('conversations')) return;
  const answer = await ask(location.pathname + location.search);
  if (answer.ok) swap(answer.text);
}

const isOpen = () => byId('thread') && !('old' in byId('thread').dataset);

async function thread() {
  if (!isOpen()) return;
  const answer = await ask(location.pathname);
  if (answer.ok) show(answer.text);
  else if (answer.status === 404) say('You are not in this conversation any more.');
}

/** The newest messages, each once and in its place; what was shown before them stays. */
function show(html) {
  const held = document.createElement('template');
  held.innerHTML = html;
  const [people, fresh] = ['people', 'thread'].map((id) => held.content.getElementById(id));
  const rows = [...fresh.querySelectorAll('#said > li')];
  const follows = byId('say').getBoundingClientRect().top < innerHeight;
  if (byId('said').childElementCount && !rows.some((row) => byId(row.id))) byId('said').replaceChildren();
  rows.forEach(put);
  byId('mark-read').hidden = fresh.querySelector('#mark-read').hidden;
  if (byId('people').dataset.people !== people.dataset.people) swap(people.outerHTML);
  if (follows) byId('say').scrollIntoView({ block: 'nearest' });
  void markRead();
}

function put(row) {
  const old = byId(row.id);
  // What everybody has read stays read.
  if (old && 'read' in row.dataset && !('read' in old.dataset)) old.replaceWith(row);
  if (old) return;
  const after = [...byId('said').children].find((each) => Number(each.dataset.sequence) > Number(row.dataset.sequence));
  byId('said').insertBefore(row, after ?? null);
}

// ---- what is seen -----------------------------------------------------------------------------------------------------

let marking = false;

/** By a form of the page: to look is no change until the page says so. When it fails its button stays. */
async function markRead() {
  const form = byId('mark-read');
  if (marking || !form || form.hidden || document.visibilityState !== 'visible') return;
  marking = true;
  const answer = await ask(form.action, new URLSearchParams(new FormData(form)));
  marking = false;
  if (answer.ok) show(answer.text);
}
document.addEventListener('visibilitychange', markRead);
void markRead();

// ---- what one says ----------------------------------------------------------------------------------------------------

document.addEventListener('keydown', (event) => {
  if (event.target.id !== 'content' || event.key !== 'Enter' || event.isComposing) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const form = event.target.form;
  // What is under way goes first: messages stand in the order in which they were written.
  if (form.ariaBusy === 'true') form.dataset.next = '';
  else form.requestSubmit();
});
document.addEventListener('sent', () => {
  const form = byId('say');
  if (!form || !('next' in form.dataset)) return;
  delete form.dataset.next;
  form.requestSubmit();
});
