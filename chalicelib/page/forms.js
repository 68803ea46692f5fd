// Handles forms: sends them once, shows problems beside the fields that caused them, and keeps what was typed.

import { byId, say } from './elements.js';
import { GameNightError } from './gamenight/index.js';
import { fieldSentence, problemSentence, usedText } from './words.js';

/** Call `act(fields)` when the form is sent, and show its GameNightError. */
export function onSubmit(form, act) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    clearProblems(form);
    form.ariaBusy = 'true';
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      tell(form, problem);
      if (!(problem instanceof GameNightError)) reportError(problem); // a defect of ours
    } finally {
      form.ariaBusy = 'false';
    }
  });
  form.addEventListener('input', ({ target }) => clearField(target));
}

/** Show a problem at the fields that it names, else above the button. */
export function tell(form, problem) {
  const at = (problem.errors ?? []).map((error) => [form.elements[error.field], error]).filter(([field]) => field);
  for (const [field, error] of at) mark(field, fieldSentence(error));
  if (at.length === 0) say(form.querySelector('.problem'), problemSentence(problem));
  else at[0][0].focus();
}

/** Show the problem of a field, and unfold the field. */
export function mark(field, sentence) {
  const details = field.closest('details');
  if (details) details.open = true;
  field.ariaInvalid = 'true';
  say(document.getElementById(`${field.name}-problem`), sentence);
}

export function clearField(field) {
  field.ariaInvalid = null;
  const told = field.name && document.getElementById(`${field.name}-problem`);
  if (told) say(told, '');
}

const answers = new WeakMap(); // dialog -> its newest answer, a promise

/** Ask to confirm an action that can't be undone; return the answer. */
export async function confirmed(dialog) {
  await answers.get(dialog); // a dialog says only a moment later that it was closed
  dialog.returnValue = 'no';
  dialog.showModal();
  const answer = new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
  answers.set(dialog, answer);
  return answer;
}

function clearProblems(form) {
  for (const field of form.elements) clearField(field);
  say(form.querySelector('.problem'), '');
}

/** Show how much of each field's limit is used, once that matters. No text is cut off silently. */
export function countCharacters() {
  for (const field of document.querySelectorAll('[data-most]')) {
    const most = Number(field.dataset.most);
    const count = byId(`${field.name}-count`);
    const update = () => {
      const used = [...field.value.trim()].length; // as the service counts
      const shown = field.localName === 'textarea' || used > 0.8 * most;
      say(count, shown ? usedText(used, most) : '');
      count.classList.toggle('beyond', used > most);
      count.ariaLive = used > 0.9 * most ? 'polite' : 'off';
    };
    field.addEventListener('input', update);
    field.form?.addEventListener('reset', () => setTimeout(update));
    update();
  }
}
