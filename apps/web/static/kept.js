// What was typed when the session ended comes back once, to the same person at the same place.

import { clean, isDirty, say, soil } from './forms.js';

const byId = (id) => document.getElementById(id);
const person = document.body.dataset.person;
/** The forms whose text would be missed, and what each holds. */
const FORMS = { create: 'A task', edit: 'A change', say: 'A message' };

/** Until the person is back. */
export function keep(form, body = new URLSearchParams(new FormData(form))) {
  if (!(form.id in FORMS)) return;
  const typed = [...body].filter(([name]) => name !== 'csrf');
  sessionStorage.setItem('typed', JSON.stringify({ person, path: location.pathname, id: form.id, typed }));
}

/** To the sign-in page; what is half typed waits. */
export function signIn(to) {
  for (const form of Object.keys(FORMS).map(byId)) {
    const text = form?.elements.title ?? form?.elements.content;
    if (form && (isDirty(form) || text.value !== text.defaultValue)) keep(form);
    if (form) clean(form);
  }
  location.assign(to);
}

function bring() {
  const kept = JSON.parse(sessionStorage.getItem('typed') ?? 'null');
  if (!kept || !person) return;
  if (kept.person !== person) return sessionStorage.removeItem('typed');
  const form = byId(kept.id);
  if (kept.path !== location.pathname || !form) return;
  sessionStorage.removeItem('typed');
  for (const [name] of kept.typed) {
    const values = kept.typed.filter((each) => each[0] === name).map((each) => each[1]);
    for (const field of form.querySelectorAll(`[name="${name}"]`)) {
      if (field.type === 'checkbox') field.checked = values.includes(field.value);
      else field.value = values[0];
    }
  }
  form.dispatchEvent(new CustomEvent('refilled', { bubbles: true, detail: Object.fromEntries(kept.typed) }));
  soil(form);
  const more = form.querySelector('details:not(.repeats)');
  if (more) more.open = kept.typed.some(([name, value]) => ['due', 'tags', 'description'].includes(name) && value);
  say(`${FORMS[kept.id]} that was not sent is back in the form.`);
}
// Once every module has dressed the page.
addEventListener('DOMContentLoaded', bring);
