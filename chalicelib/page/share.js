// Shares a link: with the device's share dialog, or by copying it.

import { announce, say } from './elements.js';

const SAID = 3000; // milliseconds that a button shows its result

/** Make a button share { text, url }, which `offered()` returns when it is pressed. */
export function onShare(button, offered) {
  const name = button.textContent;
  button.addEventListener('click', async () => {
    const { text, url } = offered();
    if (navigator.share) {
      await navigator.share({ text, url }).catch(() => {}); // the user cancelled
      return;
    }
    const done = await copied(text ? `${text}\n${url}` : url) ? 'Copied' : 'It could not be copied';
    say(button, done);
    announce(done);
    setTimeout(() => say(button, name), SAID);
  });
}

/** Copy a text, over plain http too; return whether it worked. */
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const before = document.activeElement;
  const field = Object.assign(document.createElement('textarea'), { value: text, readOnly: true, className: 'unseen' });
  (document.querySelector('dialog[open]') ?? document.body).append(field); // nothing outside a dialog can be selected
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  before?.focus();
  return done;
}
