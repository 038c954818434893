// Every form by fetch: shown at once, reconciled with the answer, put back with the reason when it was refused.
// Without this file each form posts and the server redirects; nothing here is needed for the pages to work.
// The server answers fragments: an element takes the place of the one with its id; <template data-into> adds to a list;
// <template data-remove> removes.

import { keep, signIn } from './kept.js';

const PATIENCE = 10_000;
const TOAST_LIFE = 8_000;
const byId = (id) => document.getElementById(id);
const reduced = matchMedia('(prefers-reduced-motion: reduce)');

/** 128 random bits as hex; crypto.randomUUID needs a secure context, this does not. */
export function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Asks the server; never throws. `ok` says whether the answer may be swapped in as a success. */
export async function ask(url, body, { patience = PATIENCE, accept = 'text/html' } = {}) {
  const id = random();
  const answer = { ok: false, status: 0, text: '', id };
  try {
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      body,
      headers: { Accept: accept, 'X-Fragment': '1', 'X-Correlation-ID': id },
      signal: AbortSignal.timeout(patience),
    });
    answer.id = response.headers.get('X-Correlation-ID') ?? id;
    answer.status = response.status;
    answer.go = response.headers.get('X-Go');
    const kind = response.headers.get('Content-Type') ?? '';
    answer.isHtml = kind.startsWith('text/html');
    answer.isWords = kind.startsWith('text/plain');
    answer.text = await response.text();
    answer.ok = response.ok;
  } catch (error) {
    answer.text = error.name === 'TimeoutError' ? 'No answer came in time.' : 'The server cannot be reached.';
    answer.offline = true;
  }
  return answer;
}

/** What to say of an answer that is no success. */
export function reason(answer) {
  if (answer.offline) return `${answer.text} Nothing was lost; try again.`;
  return !answer.isWords || !answer.text ? 'That did not work. Nothing was lost; try again.' : answer.text;
}

// ---- swapping ---------------------------------------------------------------------------------------------------------
/** Puts a fragment in its place without losing the focus. */
export function swap(html) {
  const held = document.createElement('template');
  held.innerHTML = html;
  for (const element of [...held.content.children]) {
    if (element.dataset.remove) remove(byId(element.dataset.remove));
    else if (element.dataset.into) into(byId(element.dataset.into), element);
    else replace(byId(element.id), element);
  }
  document.dispatchEvent(new Event('swapped'));
}

/** What somebody opened or ticked stays so in what takes its place. */
export function stay(fresh) {
  for (const part of fresh.querySelectorAll('details[id]')) part.open ||= byId(part.id)?.open ?? false;
  for (const box of fresh.querySelectorAll('[data-stay]')) box.checked = byId(box.id)?.checked ?? false;
}

function replace(old, fresh) {
  if (!old) return;
  stay(fresh);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const scroll = scrollY;
  old.replaceWith(fresh);
  if (!focused) return;
  const same = focused.id ? byId(focused.id) : null;
  // What is half typed among pills stays half typed.
  if (same && focused.role === 'combobox') same.dataset.typed = focused.value;
  const target = fresh.querySelector('[data-focus]') ?? same ?? focusable(fresh) ?? fresh;
  if (target === fresh) fresh.tabIndex = -1;
  target.focus({ preventScroll: target === same });
  if (target === same) {
    scrollTo(0, scroll);
    if (focused.selectionStart != null && same.setSelectionRange) same.setSelectionRange(focused.selectionStart, focused.selectionEnd);
  }
}

function focusable(element) {
  return element.querySelector('a[href], button, input:not([type=hidden]), select, textarea');
}

function into(list, template) {
  if (!list) return;
  for (const element of [...template.content.children]) {
    const old = element.id && byId(element.id);
    const accepts = list.dataset.accepts;
    if (old) replace(old, element);
    else if (accepts && !accepts.split(',').includes(element.dataset.status)) say('Kept, under another status.');
    else if (template.dataset.at === 'start') list.prepend(element);
    else list.append(element);
    // Where it belongs, and whether it does, the list itself knows: asked at once.
    if ('arranged' in list.dataset) element.dataset.fresh = '';
    if ('toast' in element.dataset) toast(element);
  }
}

/** Takes an element away; the focus goes to its neighbour. */
export function remove(element) {
  if (!element) return;
  moveFocus(element);
  element.remove();
}

function moveFocus(element) {
  if (!element.contains(document.activeElement)) return;
  const near = [element.nextElementSibling, element.previousElementSibling].find((each) => each && !each.hidden);
  // From a list to its form; from what lies over the page to the page, where keys are keys.
  const home = element.closest('#toasts, #banners') ? null : byId('title');
  const target = (near && (near.querySelector('a.name') ?? focusable(near))) ?? home ?? byId('main');
  target.focus();
}

// ---- words on the screen ----------------------------------------------------------------------------------------------
const toasts = byId('toasts');

function toast(element) {
  // What waits for a decision stays while someone is at it.
  const leave = () => (element.matches(':hover, :focus-within') ? setTimeout(leave, TOAST_LIFE) : remove(element));
  setTimeout(leave, element.querySelector('form') ? TOAST_LIFE * 2 : TOAST_LIFE);
  while (toasts.children.length > 3) toasts.firstElementChild.remove();
}

/** Says something in passing. */
export function say(text) {
  const element = document.createElement('div');
  element.className = 'toast';
  element.textContent = text;
  toasts.append(element);
  toast(element);
}

function place(form) {
  return form.querySelector('.form-status') ?? form.closest('li, article, section')?.querySelector('.form-status');
}

function complain(form, answer) {
  const where = place(form);
  if (!where?.isConnected) return say(reason(answer));
  where.setAttribute('role', 'alert');
  where.textContent = `${reason(answer)} `;
  const code = document.createElement('code');
  code.textContent = answer.id;
  where.append('(', code, ')');
}

// ---- shown before the answer ------------------------------------------------------------------------------------------

// Each makes the change on the screen and gives what takes it back.
const OPTIMISTIC = {
  complete(form) {
    const row = form.closest('.row');
    row?.classList.toggle('done');
    return () => row?.classList.toggle('done');
  },
  delete(form) {
    const row = form.closest('.row');
    const had = row.contains(document.activeElement);
    moveFocus(row);
    row.hidden = true;
    return () => {
      row.hidden = false;
      if (had) focusable(form).focus();
    };
  },
  dismiss(form) {
    const element = form.closest('.banner') ?? form;
    moveFocus(element);
    element.hidden = true;
    return () => (element.hidden = false);
  },
  bulk(form, body) {
    const boxes = [...document.querySelectorAll('[name=ids]:checked')];
    const back = boxes.map((box) => meanwhile(box.closest('.row'), body.get('what')));
    return {
      // What became of them the list itself knows; what is selected stays for the next action only where it failed.
      done: () => boxes.forEach((box) => ((box.checked = false), (box.closest('.row').dataset.version = ''))),
      failed: () => back.forEach((each) => each()),
    };
  },
  say(form) {
    const [{ content, id }, text, was] = [form.elements, form.elements.content.value, form.elements.id.value];
    const row = Object.assign(document.createElement('li'), { className: 'note', textContent: text, ariaBusy: 'true' });
    byId('sending').append(row);
    unmark(form);
    content.value = '';
    id.value = random();
    return {
      done: () => row.remove(),
      // Back into the field, before what was written meanwhile; the id as well, for it may have arrived without an answer.
      failed: (answer) => {
        const more = content.value;
        row.remove();
        content.value = more ? `${text}\n${more}` : text;
        id.value = was;
        delete form.dataset.next;
        if (!more || !answer.isHtml) return;
        complain(form, answer);
        return false;
      },
    };
  },
  create(form, body) {
    const row = document.createElement('li');
    row.className = 'row pending';
    row.textContent = body.get('title');
    row.setAttribute('aria-busy', 'true');
    const list = byId('tasks');
    const typed = [...form.elements].filter((each) => each.name).map((each) => [each, each.value, each.checked]);
    const tell = (kind) => form.dispatchEvent(new CustomEvent(kind, { bubbles: true, detail: Object.fromEntries(body) }));
    if (body.get('title').trim() === '') return () => {};
    list?.prepend(row);
    unmark(form);
    for (const each of ['title', 'due', 'tags', 'description']) form.elements[each].value = '';
    form.elements.reminder.value = 'off';
    form.elements.priority.value = 'medium';
    form.elements.repeat.value = 'never';
    for (const day of form.elements.repeat_days) day.checked = false;
    tell('emptied');
    form.elements.key.value = random();
    form.elements.title.focus();
    const back = () => (typed.forEach(([element, value, checked]) => Object.assign(element, { value, checked })), tell('refilled'));
    return {
      done: () => {
        row.remove();
        const details = form.querySelector('details');
        if (!details.contains(document.activeElement)) details.open = false;
      },
      // What was typed returns to the form, unless the next task is being written there: then it waits in its row.
      failed: (answer) => {
        if (form.elements.title.value === '') {
          row.remove();
          back();
          complain(form, answer);
          return true;
        }
        row.removeAttribute('aria-busy');
        row.classList.add('failed');
        row.append(` ${reason(answer)} `);
        const button = document.createElement('button');
        button.textContent = 'Put back into the form';
        button.type = 'button';
        button.onclick = () => (row.remove(), back(), form.elements.title.focus());
        row.append(button);
        return false;
      },
    };
  },
};

/** What an action on several makes of a row, before the answer; gives what takes it back. */
function meanwhile(row, what) {
  if (what === 'delete') return (row.hidden = true), () => (row.hidden = false);
  if (what in LEVELS) return paint(row, what);
  const had = row.classList.contains('done');
  if (what === 'complete' || what === 'reopen') row.classList.toggle('done', what === 'complete');
  return () => row.classList.toggle('done', had);
}

const LEVELS = { high: 'High', medium: 'Medium', low: 'Low' };
/** A row with another priority, whose icon comes with the answer; gives what takes it back. */
export function paint(row, level) {
  const badge = row.querySelector('.priority');
  const fresh = Object.assign(document.createElement('span'), { className: `badge priority ${level}`, textContent: LEVELS[level] });
  if (badge.classList.contains(level)) return () => {};
  badge.replaceWith(fresh);
  return () => fresh.replaceWith(badge);
}

/** Takes away what an earlier answer said was wrong. */
function unmark(form) {
  form.querySelectorAll('.errors, .wrong').forEach((each) => each.remove());
  form.querySelectorAll('[aria-invalid]').forEach((each) => each.removeAttribute('aria-invalid'));
}

// ---- sending ----------------------------------------------------------------------------------------------------------

/** Two submits within this are one: nobody empties a form and sends it that fast. */
const DOUBLE = 700;
let sentAt = -DOUBLE;

/** Sends a form; resolves to its answer. */
export async function send(form, submitter) {
  if (form.ariaBusy === 'true' && form.dataset.optimistic !== 'create') return;
  const fields = new FormData(form, submitter);
  const body = form.enctype === 'multipart/form-data' ? fields : new URLSearchParams(fields);
  if (form.dataset.optimistic === 'say' && !body.get('content').trim()) return;
  // The second half of a double click finds the form emptied by the first.
  if (form.dataset.optimistic === 'create' && !body.get('title').trim() && performance.now() - sentAt < DOUBLE) return;
  sentAt = performance.now();
  const where = place(form);
  if (where) where.textContent = '';
  const undo = OPTIMISTIC[form.dataset.optimistic]?.(form, body);
  form.ariaBusy = 'true';
  const answer = await ask(form.action, body);
  form.ariaBusy = 'false';
  const taken = typeof undo === 'function' ? undo : undo?.failed;
  if (answer.go) return void leave(answer.go, form, body);
  if (answer.ok) {
    clean(form);
    undo?.done?.();
    if (form.closest('.toast')) remove(form.closest('.toast'));
    swap(answer.text);
    document.dispatchEvent(new Event('sent'));
  } else if (answer.isHtml && (answer.status === 422 || answer.status === 409 || answer.status === 403)) {
    if (taken?.(answer) !== false) shown(answer.text);
  } else if (taken?.(answer) === undefined || form.dataset.optimistic !== 'create') {
    complain(form, answer);
  }
  return answer;
}

/** To another page. If only the session is over, what was typed waits. */
function leave(to, form, body) {
  if (to.startsWith('/app/sign-in')) keep(form, body);
  clean(form);
  location.assign(to);
}

/** A refused form: it comes back with what was typed, and the focus goes to what is wrong. */
function shown(html) {
  // A page that needs nobody signed in answers whole.
  const page = html.startsWith('<!doctype') && new DOMParser().parseFromString(html, 'text/html');
  swap(page ? page.querySelector('main > form').outerHTML : html);
  const wrong = [...document.querySelectorAll('[data-focus]')].at(-1);
  wrong?.focus();
  wrong?.scrollIntoView({ block: 'nearest', behavior: reduced.matches ? 'auto' : 'smooth' });
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method === 'dialog') return;
  if (form.method === 'get') {
    if (!('list' in form.dataset) || !byId('list')) return;
    event.preventDefault();
    return void visit(address(form));
  }
  event.preventDefault();
  void send(form, event.submitter);
});

// ---- the list, by its address -----------------------------------------------------------------------------------------

let wanted = 0;

async function visit(href, push = true) {
  const list = byId('list');
  if (!list) return location.assign(href);
  if (push) history.pushState(null, '', href);
  const mine = ++wanted;
  list.ariaBusy = 'true';
  const answer = await ask(href);
  if (mine !== wanted) return; // A newer one is on its way.
  if (answer.go) return signIn(answer.go);
  if (answer.isHtml) swap(answer.text);
  else say(reason(answer));
  const now = byId('list');
  now.ariaBusy = 'false';
  history.replaceState(null, '', now.dataset.href);
  const [search, create] = [byId('search'), byId('create')];
  if (search !== document.activeElement) search.value = now.dataset.search;
  if (create) create.elements.back.value = now.dataset.href;
}

/** Where a form leads: the search keeps the filters, the filters keep the search; both begin at the first page. */
function address(form) {
  const query = form.id === 'narrow' ? new URLSearchParams() : new URLSearchParams(byId('list').dataset.href.split('?')[1]);
  for (const name of [...new Set(new FormData(form).keys())]) query.set(name, new FormData(form).getAll(name).join(','));
  for (const [name, value] of [...query]) if (!value || name === 'page') query.delete(name);
  return `/app${query.size ? `?${query}` : ''}`;
}

// Searching while typing: when the hands rest, or at once by Enter. One step back leads out of all of it.
const REST = 300;
let resting = 0;
document.addEventListener('input', (event) => {
  if (event.target.id !== 'search' || !byId('list')) return;
  clearTimeout(resting);
  resting = setTimeout(() => visit(address(event.target.form), !byId('list').dataset.search), REST);
});
document.addEventListener('submit', () => clearTimeout(resting));
document.addEventListener('change', (event) => {
  const form = event.target.form;
  // Whether several are being selected is no filter.
  if (form?.id !== 'narrow' || 'stay' in event.target.dataset) return;
  const [due, from, until] = [form.elements.due, form.elements.from, form.elements.until];
  if (event.target === from || event.target === until) due.value = 'dates';
  else if (event.target === due && due.value === 'dates') return from.focus();
  else if (event.target === due) from.value = until.value = '';
  void visit(address(form));
});

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-list]');
  if (!link || !byId('list') || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  void visit(link.getAttribute('href'));
});
addEventListener('popstate', () => byId('list') && void visit(location.pathname + location.search, false));

// ---- small helps ------------------------------------------------------------------------------------------------------

const dirty = new Set();
/** Nothing waits in it any more. */
export const clean = (form) => dirty.delete(form.id);
/** As if someone had typed into it. */
export const soil = (form) => form.hasAttribute('data-keep') && dirty.add(form.id);
/** Whether someone has typed into the form and not sent it. */
export const isDirty = (form) => dirty.has(form.id);
document.addEventListener('input', (event) => event.target.form && soil(event.target.form));
addEventListener('beforeunload', (event) => dirty.size && event.preventDefault());

document.querySelectorAll('[data-toast]').forEach(toast);
document.querySelector('.errors[data-focus]')?.focus();
