// The little that the page needs of the DOM: finding, making and showing elements, and where the focus goes.

import { shortened } from './words.js';

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; texts are texts and never markup. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** What somebody wrote: its direction is its own, and nothing in it changes that of what stands around it. */
export function written(text) {
  // A stray end of an isolate would end that of the element; only a box of its own holds it in.
  return make('bdi', text.includes('\u2069') ? { className: 'apart' } : {}, text);
}

/** What a sentence of `words.js` says, with what people wrote kept apart, and the beginning of it where it is long. */
export function spoken(parts) {
  return parts.map((part) => (typeof part === 'string' ? part : written(shortened(part.text))));
}

/** Change a text only where it differs: whoever listens to the page is not told the same twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const VIEWS = ['sign-in', 'join', 'removed', 'opening', 'lobby', 'night', 'tv'];

/** Show one view. Whoever worked in the one before is led to the new one's heading; nobody else is disturbed. */
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

/** Lead to the heading of the view that is shown. */
export function focusHeading() {
  document.querySelector('main > section:not([hidden]) h1')?.focus({ preventScroll: true });
}

/** Lead whoever was at something that is shown no more to another element. */
export function keepFocus(instead) {
  if (document.activeElement?.closest('[hidden]')) instead.focus();
}

const unfolding = new WeakMap(); // text -> its button
const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => checkFold(target)));

/** Let a long text be read as a whole: where something is cut off, a button "more" follows it, or what it stands in. */
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

/** Look again whether something of a text is cut off. */
export function checkFold(text) {
  if (text.classList.contains('whole')) return;
  const line = parseFloat(getComputedStyle(text).lineHeight);
  unfolding.get(text).hidden = !(text.scrollHeight - text.clientHeight > line / 2); // letters may reach beyond a line
}

let waiting = [];

/** Have something read out by screen readers; what comes within a second is read in one go. */
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
