// Fields that help while someone types: tags as things of their own, the dates of a pattern, a reminder that needs a due time.
// What is sent stays what the plain field would send.

import { ask, say, swap } from './forms.js';

const byId = (id) => document.getElementById(id);

// ---- tags -------------------------------------------------------------------------------------------------------------

const REST = 120;
let counted = 0;

/** Makes a field of names between commas one of pills: Enter or a comma adds, Backspace or a click removes, arrows choose. */
function pills(field) {
  delete field.dataset.tags;
  const had = document.activeElement === field;
  const box = document.createElement('div');
  const kept = Object.assign(document.createElement('input'), { type: 'hidden', name: field.name });
  const list = Object.assign(document.createElement('ul'), { id: `offered-${++counted}`, className: 'offered', hidden: true });
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Tags there are');
  box.className = 'pills';
  field.replaceWith(box);
  box.append(kept, field, list);
  field.removeAttribute('name');
  field.placeholder = '';
  for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id })) field.setAttribute(name, value);
  const unit = document.querySelector(`label[for="${field.id}"] .unit`);
  if (unit) unit.textContent = '(Enter or comma adds)';
  let names = [];
  let timer = 0;

  const tell = (kind) => kept.dispatchEvent(new Event(kind, { bubbles: true }));
  const same = (one, other) => one.toLowerCase() === other.toLowerCase();

  function draw() {
    box.querySelectorAll('.tag').forEach((each) => each.remove());
    for (const name of names) {
      const pill = document.createElement('button');
      pill.type = 'button';
      pill.className = 'tag';
      pill.textContent = `${name} ×`;
      pill.setAttribute('aria-label', `Remove the tag ${name}`);
      pill.onclick = () => drop(name);
      field.before(pill);
    }
    keep();
  }
  /** What is typed and not yet added counts too. */
  function keep() {
    kept.value = [...names, field.value.trim()].filter(Boolean).join(', ');
  }
  function add(text) {
    for (const name of text.split(',').map((each) => each.trim()).filter(Boolean)) if (!names.some((each) => same(each, name))) names.push(name);
    field.value = '';
    close();
    draw();
    tell('input');
    tell('change');
  }
  function drop(name) {
    names = names.filter((each) => each !== name);
    draw();
    field.focus();
    tell('input');
    tell('change');
  }
  function close() {
    clearTimeout(timer);
    list.hidden = true;
    field.setAttribute('aria-expanded', 'false');
    choose();
  }
  const offered = () => [...list.children];
  const chosen = () => offered().find((each) => each.ariaSelected === 'true');
  function choose(option) {
    for (const each of offered()) each.ariaSelected = String(each === option);
    if (option) field.setAttribute('aria-activedescendant', option.id);
    else field.removeAttribute('aria-activedescendant');
  }
  async function offer() {
    const typed = field.value.trim();
    const answer = await ask(`/app/tags?${new URLSearchParams({ search: typed })}`);
    if (!answer.ok || typed !== field.value.trim() || document.activeElement !== field) return;
    list.innerHTML = answer.text;
    for (const [index, option] of offered().entries()) {
      option.id = `${list.id}-${index}`;
      if (names.some((name) => same(name, option.dataset.name))) option.remove();
      // Before the field loses the focus.
      option.onpointerdown = (event) => (event.preventDefault(), add(option.dataset.name));
    }
    list.hidden = !offered().length;
    field.setAttribute('aria-expanded', String(!list.hidden));
  }

  field.addEventListener('input', (event) => {
    if (field.value.includes(',') && !event.isComposing) return add(field.value);
    keep();
    // Chosen for what was typed before.
    choose();
    clearTimeout(timer);
    timer = setTimeout(offer, REST);
  });
  field.addEventListener('focus', () => (timer = setTimeout(offer, REST)));
  field.addEventListener('blur', () => (close(), field.value.trim() && add(field.value)));
  field.addEventListener('keydown', (event) => {
    const all = offered();
    const at = all.indexOf(chosen());
    if (event.isComposing) return;
    if (event.key === 'Enter' && (chosen() || field.value.trim())) add(chosen()?.dataset.name ?? field.value);
    else if (event.key === 'Backspace' && !field.value && names.length) drop(names.at(-1));
    else if (event.key === 'Escape' && !list.hidden) close();
    else if (event.key === 'ArrowDown' && list.hidden) void offer();
    else if (event.key === 'ArrowDown') choose(all[(at + 1) % all.length]);
    else if (event.key === 'ArrowUp' && !list.hidden) choose(all.at(at < 0 ? -1 : at - 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  field.form.addEventListener('emptied', () => ((names = []), (field.value = ''), draw()));
  field.form.addEventListener('refilled', (event) => ((names = []), (field.value = ''), add(event.detail[kept.name] ?? '')));
  names = field.value.split(',').map((each) => each.trim()).filter(Boolean);
  field.value = field.dataset.typed ?? '';
  draw();
  if (had) field.focus();
}

// ---- several tasks at once --------------------------------------------------------------------------------------------

document.addEventListener('click', (event) => {
  if (event.target.id !== 'all') return;
  const all = [...document.querySelectorAll('[name=ids]')];
  const every = all.every((each) => each.checked);
  for (const each of all) each.checked = !every;
  count();
});

/** How many are selected. */
function count() {
  const place = byId('picked');
  if (place) place.textContent = `${document.querySelectorAll('[name=ids]:checked').length} selected`;
}
document.addEventListener('change', count);
document.addEventListener('swapped', count);
count();

// ---- a file says by its name who wrote it -----------------------------------------------------------------------------

const WRITERS = { ics: 'ics', csv: 'todoist', json: 'taskwarrior' };
document.addEventListener('change', (event) => {
  const writer = event.target.id === 'file' && WRITERS[event.target.value.split('.').pop().toLowerCase()];
  if (writer) byId('format').value = writer;
});

// ---- copying ----------------------------------------------------------------------------------------------------------

document.addEventListener('click', async (event) => {
  const field = byId(event.target.dataset.copy);
  if (!field) return;
  field.focus();
  field.select();
  // Without a secure context there is no clipboard: then it is selected, which is half of it.
  const copied = await navigator.clipboard?.writeText(field.value).then(() => true, () => false);
  say(copied ? 'Copied' : 'Selected: copy it by Ctrl+C.');
});

// ---- what depends on what ---------------------------------------------------------------------------------------------

/** A reminder needs a due time: without one the selector is off and says so by being disabled. */
function dress() {
  const [due, reminder, repeat] = [byId('due'), byId('reminder'), byId('repeat')];
  if (due && reminder) {
    reminder.disabled = !due.value && !due.validity.badInput;
    if (reminder.disabled) reminder.value = 'off';
  }
  for (const part of document.querySelectorAll('[data-when]')) {
    const shown = ['on', repeat.value, byId('repeat_end').value].includes(part.dataset.when);
    part.hidden = repeat.value === 'never' || !shown;
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const field of document.querySelectorAll('[data-zone]')) field.value = zone;
  const hint = document.querySelector('[data-zone-hint]');
  if (hint) hint.textContent = `This browser is in ${zone}.`;
  document.querySelectorAll('[data-tags]').forEach(pills);
  for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false;
}

/** Weekly means the day it is due, or today's, until another is chosen. */
function weekday(form) {
  const days = [...form.elements.repeat_days];
  if (form.elements.repeat.value !== 'weekly' || days.some((each) => each.checked)) return;
  const at = form.elements.due.value ? new Date(form.elements.due.value) : new Date();
  days[(at.getDay() + 6) % 7].checked = true;
}

/** The dates that a task will have, before it is saved: the server counts them. */
let asked = 0;
async function foretell(form) {
  const mine = ++asked;
  const fields = [...new FormData(form)].filter(([name]) => name === 'due' || name.startsWith('repeat'));
  const answer = await ask(`/app/tasks/dates?${new URLSearchParams(fields)}`);
  if (answer.ok && mine === asked) swap(answer.text);
}

/** How the line of a new task is read, while it is typed. */
let line = 0;
let resting = 0;
function understand(field) {
  const mine = ++line;
  clearTimeout(resting);
  resting = setTimeout(async () => {
    const answer = await ask(`/app/tasks/understood?${new URLSearchParams({ title: field.value })}`);
    if (answer.ok && mine === line) swap(answer.text);
  }, field.value.trim() ? REST : 0);
}

document.addEventListener('input', (event) => 'line' in event.target.dataset && understand(event.target));
for (const kind of ['emptied', 'refilled']) document.addEventListener(kind, (event) => understand(event.target.elements.title));
document.addEventListener('input', (event) => ['due', 'repeat', 'repeat_end'].includes(event.target.id) && dress());
document.addEventListener('change', (event) => {
  if (event.target.id === 'repeat') weekday(event.target.form);
  if (event.target.matches('#due, #repeating *')) void foretell(event.target.form);
});
for (const kind of ['swapped', 'emptied', 'refilled']) document.addEventListener(kind, dress);
dress();
