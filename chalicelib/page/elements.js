// Finds, makes and shows elements, and moves the focus.

import { shortened } from './words.js';

export const byId = (id) => document.getElementById(id);

/** Make an element with properties and children. Texts are never markup. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Wrap a user's text. Its writing direction never changes that of the text around it. */
export function written(text) {
  // A stray end of an isolate would end the element's own isolate; only a box contains it.
  return make('bdi', text.includes('\u2069') ? { className: 'apart' } : {}, text);
}

/** Render a sentence of `words.js`. Users' texts are wrapped, and shortened if they are long. */
export function spoken(parts) {
  return parts.map((part) => (typeof part === 'string' ? part : written(shortened(part.text))));
}

/** Change a text only if it differs, so screen readers don't read the same text twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const VIEWS = ['sign-in', 'join', 'removed', 'opening', 'lobby', 'night', 'tv'];

/** Show one view. If the focus was in the last view, it moves to the new heading. */
export function show(view) {
  const before = VIEWS.find((id) => !byId(id).hidden);
  if (before === view) return;
  for (const id of VIEWS) byId(id).hidden = id !== view;
  document.body.dataset.view = view;
  const nowhere = document.activeElement === document.body;
  window.scrollTo(0, 0);
  if (before && nowhere) byId(view).querySelector('h1').focus({ preventScroll: true });
  keepFocus(byId(view).querySelector('h1'));
}

/** Move the focus to the heading of the shown view. */
export function focusHeading() {
  document.querySelector('main > section:not([hidden]) h1')?.focus({ preventScroll: true });
}

/** Move the focus to another element if the focused one is hidden. */
export function keepFocus(instead) {
  if (document.activeElement?.closest('[hidden]')) instead.focus();
}

const unfolding = new WeakMap(); // text -> its button
const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => checkFold(target)));

/** Cut off a long text, with a button "more" after it, or after the element `within` which it is. */
export function fold(text, within = text) {
  const button = make('button', { type: 'button', className: 'unfold', textContent: 'more', hidden: true });
  button.ariaExpanded = 'false';
  button.addEventListener('click', () => {
    const whole = text.classList.toggle('whole');
    button.ariaExpanded = String(whole);
    say(button, whole ? 'less' : 'more');
  });
  text.classList.add('folded');
  within.after(button);
  unfolding.set(text, button);
  sizes.observe(text);
}

/** Check again whether a text is cut off. */
export function checkFold(text) {
  if (text.classList.contains('whole')) return;
  const line = parseFloat(getComputedStyle(text).lineHeight);
  unfolding.get(text).hidden = !(text.scrollHeight - text.clientHeight > line / 2); // letters may reach beyond a line
}

let waiting = [];

/** Have screen readers read a text. The texts of one second are read together. */
export function announce(text) {
  if (waiting.length === 0) {
    setTimeout(() => {
      say(byId('announcer'), '');
      byId('announcer').textContent = waiting.length > 4 ? `${waiting.length} new events.` : waiting.join('. ');
      waiting = [];
    }, 1000);
  }
  waiting.push(text);
}
