// The keyboard: one key an action, never while someone types.

import { send, swap, ask, say, reason, isDirty, paint } from './forms.js';
import { signIn } from './kept.js';

const byId = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll('.row:not([hidden]):not(.pending), .note:has(.name)')];
const csrf = document.querySelector('meta[name=csrf]').content;

/** The row the focus is in; on a task's own page that task. */
const current = () => document.activeElement?.closest?.('.row, .note') ?? byId('task');
const id = (element) => element?.dataset.task;

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest?.('.row, .note'));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  const link = all[next].querySelector('a.name');
  link.focus();
  link.scrollIntoView({ block: 'nearest' });
}

/** To a field of the task: here, on its page, or in the form of a new one. */
function edit(field) {
  const element = current();
  if (element?.id === 'task' || !id(element)) return focusField(field);
  location.assign(`/app/tasks/${id(element)}#${field}`);
}

function focusField(field) {
  const input = byId(field);
  if (!input) return;
  const details = input.closest('details');
  if (details) details.open = true;
  input.focus();
}

async function priority(level) {
  const element = current();
  if (!id(element)) return;
  if (element.id === 'task') {
    const select = byId('priority');
    select.value = level;
    select.dispatchEvent(new Event('input', { bubbles: true }));
    return void send(byId('edit'));
  }
  const body = new URLSearchParams({ csrf, priority: level, back: byId('list')?.dataset.href ?? '/app' });
  const back = paint(element, level);
  const answer = await ask(`/app/tasks/${id(element)}/priority`, body);
  if (answer.go) return signIn(answer.go);
  if (answer.ok) return swap(answer.text);
  back();
  say(reason(answer));
}

function complete() {
  const element = current();
  (element && byId(`check-${id(element)}`))?.click();
}

/** Selects the task with the focus; where nothing is being selected, begins it. */
function select() {
  const choosing = byId('choosing');
  const box = byId(`pick-${id(current())}`);
  if (!choosing) return;
  if (choosing.checked && box) box.checked = !box.checked;
  else choosing.click();
  if (choosing.checked && box && !document.querySelector('[name=ids]:checked')) box.checked = true;
}

function undo() {
  const button = [...document.querySelectorAll('[data-undo] button')].at(-1);
  if (button) button.click();
  else say('Nothing to undo.');
}

function help() {
  const dialog = byId('help');
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

/** From a task to its list, unless something there waits to be saved. */
function up() {
  const link = document.querySelector('.up a');
  if (!link || byId('help').open) return;
  if (byId('edit') && isDirty(byId('edit'))) say('Not saved yet.');
  else link.click();
}

// The way back from a task leads to the list as it was, with the focus on the task.
const list = () => byId('list') && sessionStorage.setItem('list', byId('list').dataset.href);
function homeward() {
  list();
  const [task, was] = [byId('task'), sessionStorage.getItem('list')];
  if (!task || !was) return;
  task.querySelector('.up a').href = `${was}#open-${task.dataset.task}`;
  const back = task.querySelector('form[action$="/delete"] [name=back]');
  if (back) back.value = was;
}
document.addEventListener('swapped', homeward);
homeward();

const KEYS = {
  c: () => (byId('create') ? focusField('title') : location.assign('/app#title')),
  '/': () => byId('search').focus(),
  j: () => step(1),
  k: () => step(-1),
  x: complete,
  e: () => edit('title'),
  d: () => edit('due'),
  t: () => edit('tags'),
  s: select,
  1: () => priority('high'),
  2: () => priority('medium'),
  3: () => priority('low'),
  z: undo,
  '?': help,
};

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input:not([type=checkbox]), select, textarea, [contenteditable]');
  if (event.key === 'Escape' && typing) return typing.blur();
  if (event.key === 'Escape') return up();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.form?.method === 'post') return event.target.form.requestSubmit();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const key = Object.hasOwn(KEYS, event.key) ? event.key : '';
  if (!key || (byId('help').open && key !== '?')) return;
  event.preventDefault();
  KEYS[key]();
});

// A link such as /app/tasks/1#due leads into the field.
if (location.hash.length > 1) focusField(location.hash.slice(1));
