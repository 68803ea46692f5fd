// Shows notices of other nights than the shown one, with a button to go there.

import { announce, byId, focusHeading, make, spoken } from './elements.js';
import { nightWords, plain } from './words.js';

export class OtherNights {
  #open;
  #told = new Set();

  /** `open(id)` shows a night. */
  constructor(open) { this.#open = open; }

  /** Show the notice of a night, once. `what` is its news. */
  tell(night, what) {
    if (this.#told.has(night.id)) return;
    this.#told.add(night.id);
    const words = nightWords(night, what);
    const item = make('li', { className: 'row' }, make('span', {}, ...spoken(words)));
    const stay = make('button', { type: 'button', className: 'quiet', textContent: 'Stay here' });
    const go = make('button', { type: 'button', textContent: 'Go there' });
    stay.addEventListener('click', () => {
      item.remove();
      byId('other-nights').hidden = byId('other-nights').children.length === 0;
      focusHeading();
    });
    go.addEventListener('click', () => this.#open(night.id));
    item.append(stay, go);
    byId('other-nights').prepend(item);
    byId('other-nights').hidden = false;
    announce(plain(words));
  }

  clear() {
    const within = byId('other-nights').contains(document.activeElement);
    this.#told.clear();
    byId('other-nights').replaceChildren();
    byId('other-nights').hidden = true;
    if (within) focusHeading();
  }
}
