// What changes elsewhere appears here: the socket, the fragments it makes us fetch, banners, and due badges that move on.

import { ask, isDirty, remove, say, stay, swap } from './forms.js';
import { signIn } from './kept.js';

const byId = (id) => document.getElementById(id);
const csrf = document.querySelector('meta[name=csrf]').content;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** Renewed when realtime says so. */
const EXPIRED = 4401;

// ---- the socket -------------------------------------------------------------------------------------------------------

let token = '';
let wait = FIRST_WAIT;
let wasOpen = false;
let socket = null;
let timer = 0;

async function connect() {
  clearTimeout(timer);
  timer = 0;
  if (!token) {
    const body = new URLSearchParams({ csrf, renew: wasOpen || wait > FIRST_WAIT ? '1' : '' });
    const answer = await ask('/app/socket-token', body, { accept: 'application/json' });
    if (answer.go) return over(answer.go);
    if (!answer.ok) return later();
    token = JSON.parse(answer.text).token;
  }
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({ token });
  let opened = false;
  socket = new WebSocket(url);
  socket.onopen = () => {
    opened = true;
    // While there was no socket anything may have happened, also between this page and its first one.
    void refetch(wasOpen);
    wasOpen = true;
    wait = FIRST_WAIT;
    connection('');
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = (event) => {
    socket = null;
    if (event.code === EXPIRED) {
      token = '';
      return void connect();
    }
    // Refused before it opened: perhaps for its token.
    if (!opened) token = '';
    later();
  };
}

function later() {
  timer = setTimeout(connect, wait * (0.5 + Math.random()));
  if (wait > 4 * FIRST_WAIT) connection('Not connected: changes made elsewhere appear when the connection is back.');
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

function connection(text) {
  const place = byId('connection');
  place.textContent = text;
  place.hidden = !text;
}

/** The session ended: nothing is taken from under someone's hands, a word leads on. */
function over(to) {
  connection('Your session is over. ');
  const link = Object.assign(document.createElement('a'), { href: to, textContent: 'Sign in again' });
  link.onclick = (event) => (event.preventDefault(), signIn(to));
  byId('connection').append(link);
}

function hurry() {
  if (timer && document.visibilityState === 'visible') {
    wait = FIRST_WAIT;
    void connect();
  }
}
addEventListener('online', hurry);
document.addEventListener('visibilitychange', hurry);

// ---- what it tells ----------------------------------------------------------------------------------------------------

const FRESH = 300;
/** Long enough to see a task ticked off before it leaves. */
const SETTLED = 2_000;
let listTimer = 0;

function receive(frame) {
  if (frame.type === 'conversation.update') document.dispatchEvent(new Event('talk'));
  if (frame.type !== 'task.update') return;
  if (frame.change === 'notification') return announce(frame.notification);
  settle();
  if (frame.change === 'created' && frame.task?.occurrence > 1) void comesAgain(frame);
  const page = byId('task');
  if (page?.dataset.task === frame.task_id) return void pageChanged(page, frame);
  const row = byId(`task-${frame.task_id}`);
  if (frame.change === 'deleted') return void (row && leave(row));
  if (row) return void together(row, frame);
  // Not on this page of the list; perhaps it should be.
  settle(FRESH);
}

/** One row is asked for by itself; of many at once, as after an action on several, the list. */
const MANY = 5;
const TOGETHER = 40;
let changed = new Map();
function together(row, frame) {
  if (!changed.size) {
    setTimeout(() => {
      const all = changed;
      changed = new Map();
      if (all.size > MANY) return void refetchList();
      for (const [id, last] of all) if (byId(id)) void rowChanged(byId(id), last);
    }, TOGETHER);
  }
  changed.set(row.id, frame);
}

/** Order, number and what has left the filter come from the list itself; several changes make one question. */
function settle(after = SETTLED) {
  clearTimeout(listTimer);
  if (byId('tasks')) listTimer = setTimeout(refetchList, after);
}
document.addEventListener('sent', () => settle(document.querySelector('#tasks .done') ? SETTLED : FRESH));

/** The next of a series, which came by itself: a word that says when. Its row comes with the list. */
async function comesAgain(frame) {
  const answer = await ask(`/app/tasks/${frame.task_id}/next`);
  if (answer.ok) swap(answer.text);
}

const isOld = (element, frame) => Number(element.dataset.version) >= frame.version;
const isBusy = (element) => element.matches('[aria-busy=true]') || element.querySelector('[aria-busy=true]');
const hasFocus = (element) => element.contains(document.activeElement) && document.activeElement !== element;

async function rowChanged(row, frame) {
  if (isOld(row, frame)) return;
  // Our own change on its way: its answer brings the same.
  if (isBusy(row)) return void setTimeout(() => row.isConnected && rowChanged(row, frame), FRESH);
  const show = async () => {
    const answer = await ask(`/app/tasks/${frame.task_id}/row?${new URLSearchParams({ back: byId('list')?.dataset.href ?? '/app' })}`);
    if (answer.ok) swap(answer.text);
    else if (answer.status === 404) leave(byId(row.id));
  };
  if (hasFocus(row)) return elsewhere(row, show);
  await show();
}

async function pageChanged(page, frame) {
  if (frame.change === 'deleted') return say('This task was deleted elsewhere.');
  if (isOld(page, frame)) return;
  if (isBusy(page)) return void setTimeout(() => byId('task') && pageChanged(byId('task'), frame), FRESH);
  const show = async () => {
    const answer = await ask(location.pathname);
    if (answer.ok) swap(answer.text);
  };
  const form = byId('edit');
  if (isDirty(form) || hasFocus(form)) return elsewhere(page, show);
  await show();
}

/** Never under someone's hands: a quiet word, and the change when they ask for it. */
function elsewhere(element, show) {
  if (element.querySelector('.elsewhere')) return;
  const note = document.createElement('p');
  note.className = 'elsewhere';
  note.setAttribute('role', 'status');
  note.textContent = 'Changed elsewhere. ';
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'plain';
  button.textContent = 'Show';
  button.onclick = () => (note.remove(), show());
  note.append(button);
  element.prepend(note);
}

function leave(row) {
  if (hasFocus(row) && !row.hidden) return elsewhere(row, () => remove(row));
  remove(row);
}

// ---- asking again -----------------------------------------------------------------------------------------------------

async function refetch(gap) {
  document.dispatchEvent(new Event('talk'));
  await Promise.all([refetchList(), refetchPage(), gap && refetchNotes()]);
}

async function refetchPage() {
  const page = byId('task');
  if (!page || isDirty(byId('edit')) || hasFocus(page)) return;
  const answer = await ask(location.pathname);
  const held = document.createElement('template');
  held.innerHTML = answer.text;
  if (answer.ok && held.content.firstElementChild?.dataset.version !== page.dataset.version) swap(answer.text);
}

async function refetchNotes() {
  const answer = await ask('/app/notifications');
  if (answer.ok) swap(answer.text);
}

/** The list as it is now, row by row: what stayed the same is left alone, so that focus and hands keep their place. */
async function refetchList() {
  const list = byId('tasks');
  if (!list) return;
  if (isBusy(byId('list'))) return void settle(FRESH);
  const answer = await ask(byId('list').dataset.href);
  if (!answer.ok || list !== byId('tasks')) return;
  const held = document.createElement('template');
  held.innerHTML = answer.text;
  const fresh = held.content.getElementById('tasks');
  if (!fresh) return;
  let at = list.firstElementChild;
  const keep = new Set();
  for (const row of [...fresh.children]) {
    const old = byId(row.id);
    const same = old && (old.dataset.version === row.dataset.version || hasFocus(old) || isBusy(old));
    const here = same ? old : row;
    delete here.dataset.fresh;
    if (old && !same) {
      stay(row);
      if (old === at) at = old.nextElementSibling;
      old.remove();
    }
    if (here === at) at = at.nextElementSibling;
    else list.insertBefore(here, at);
    keep.add(here);
  }
  // One under someone's hands stays, unless they themselves ticked it off: then the focus goes to its neighbour.
  const stays = (row) => row.matches('.pending, .failed') || (hasFocus(row) && list.dataset.accepts.split(',').includes(row.dataset.status));
  for (const row of [...list.children]) {
    if (keep.has(row) || stays(row)) continue;
    if ('fresh' in row.dataset) say(`“${row.querySelector('.name').textContent}” is kept; this list does not show it.`);
    remove(row);
  }
  const total = held.content.getElementById('total');
  if (total) byId('total')?.replaceWith(total);
}

// ---- banners ----------------------------------------------------------------------------------------------------------

function announce(note) {
  if (!note || byId(`banner-${note.id}`)) return;
  const banner = byId('banner-template').content.firstElementChild.cloneNode(true);
  banner.id = `banner-${note.id}`;
  const link = banner.querySelector('a');
  link.href = `/app/tasks/${note.task_id}`;
  link.textContent = note.title;
  banner.querySelector('.banner-body').textContent = note.body;
  const form = banner.querySelector('form');
  form.action = `/app/notifications/${note.id}/read`;
  form.querySelector('button').setAttribute('aria-label', `Dismiss ${note.title}`);
  // Going to the task is reading it, too.
  link.addEventListener('click', () => navigator.sendBeacon(form.action, new URLSearchParams({ csrf })));
  byId('banners').prepend(banner);
  const count = byId('unread');
  const unread = Number.parseInt(count.textContent, 10) || 0;
  count.innerHTML = `${unread + 1}<span class="hidden"> unread</span>`;
  count.hidden = false;
  title();
  if (byId('notes')) void refetchNotes();
  if (byId('task')?.dataset.task === note.task_id) setTimeout(refetchReminders, SETTLED);
}

/** What became of a reminder comes a moment after its banner. */
async function refetchReminders() {
  const section = byId('reminders');
  if (!section || hasFocus(section)) return;
  const answer = await ask(`${location.pathname}/reminders`);
  if (answer.ok && section === byId('reminders')) swap(answer.text);
}

/** The tab says what is unread, and what its task is called now. */
const bare = document.title;
function title() {
  const task = byId('task')?.querySelector('h1').textContent;
  const unread = byId('unread').hidden ? 0 : Number.parseInt(byId('unread').textContent, 10);
  document.title = `${unread ? `(${unread}) ` : ''}${task ? `${task} · Outrigger` : bare}`;
}
document.addEventListener('swapped', title);
title();

// ---- due badges -------------------------------------------------------------------------------------------------------

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const counted = (count, unit) => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** The same rule as `words` in due.rs: rounded to the nearest, the unit changes at 60 minutes and 48 hours. */
export function wording(left) {
  const far = Math.abs(left);
  const [minutes, hours, days] = [MINUTE, HOUR, DAY].map((unit) => Math.floor((far + unit / 2) / unit));
  if (minutes === 0) return { words: 'Due now', state: 'now' };
  const distance = minutes < 60 ? counted(minutes, 'minute') : hours < 48 ? counted(hours, 'hour') : counted(days, 'day');
  if (left < 0) return { words: `Overdue by ${distance}`, state: 'overdue' };
  return { words: `Due in ${distance}`, state: left <= DAY ? 'soon' : 'later' };
}

function tick() {
  for (const badge of document.querySelectorAll('[data-due]')) {
    const { words, state } = wording(Date.parse(badge.dateTime) - Date.now());
    if (badge.textContent !== words) badge.textContent = words;
    if (badge.dataset.state !== state) badge.dataset.state = state;
  }
}
setInterval(tick, 1_000);
document.addEventListener('swapped', tick);
tick();

// ---- reminders that were just set -------------------------------------------------------------------------------------

// They are scheduled by an event: asked for again, a few times, until they are there.
const ROUNDS = 6;
let rounds = 0;

function follow() {
  const section = byId('reminders');
  if (!section?.dataset.again || rounds >= ROUNDS || section.dataset.asked) return;
  section.dataset.asked = '1';
  setTimeout(async () => {
    rounds += 1;
    if (section !== byId('reminders') || hasFocus(section)) return;
    const answer = await ask(section.dataset.again);
    if (answer.ok && section === byId('reminders')) swap(answer.text);
  }, 700 * 1.6 ** rounds);
}
document.addEventListener('swapped', follow);
document.addEventListener('submit', () => (rounds = 0));
follow();

void connect();
