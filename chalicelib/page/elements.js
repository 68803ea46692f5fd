// The little that the page needs of the DOM: finding, making and showing elements, and where the focus goes.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; texts are texts and never markup. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Change a text only where it differs: whoever listens to the page is not told the same twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const VIEWS = ['sign-in', 'opening', 'lobby', 'night'];

/** Show one view. Whoever worked in the one before is led to the new one's heading; nobody else is disturbed. */
export function show(view) {
  const before = VIEWS.find((id) => !byId(id).hidden);
  if (before === view) return;
  for (const id of VIEWS) byId(id).hidden = id !== view;
  const nowhere = document.activeElement === document.body;
  if (before && nowhere) byId(view).querySelector('h1').focus();
  keepFocus(byId(view).querySelector('h1'));
}

/** Lead whoever was at something that is shown no more to another element. */
export function keepFocus(instead) {
  if (document.activeElement?.closest('[hidden]')) instead.focus();
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
