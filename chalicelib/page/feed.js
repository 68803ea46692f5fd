// Shows the feed of events, newest first. It only adds new events, so it doesn't interrupt readers.

import { byId, make, spoken } from './elements.js';
import { FEED_LENGTH } from './night.js';
import { eventWords, timeText } from './words.js';

export class Feed {
  #shown = null; // the id of the night
  #newest = null; // the entry at the top

  render(night) {
    const list = byId('feed');
    if (this.#shown !== night.session.id) {
      list.replaceChildren();
      [this.#shown, this.#newest] = [night.session.id, null];
    }
    const known = night.feed.indexOf(this.#newest);
    const fresh = known < 0 ? night.feed : night.feed.slice(0, known);
    if (known < 0) list.replaceChildren();
    list.prepend(...fresh.map(itemOf));
    while (list.children.length > FEED_LENGTH) list.lastElementChild.remove();
    [this.#newest = null] = night.feed;
  }
}

function itemOf(event) {
  const { kind, said, detail } = eventWords(event);
  const item = make('li', { className: `event of-${kind}` });
  if (event.timestamp) {
    item.append(make('time', { dateTime: event.timestamp }, timeText(event.timestamp)));
  }
  const more = detail.length > 0 ? [' ', make('span', { className: 'more' }, ...spoken(detail))] : [];
  item.append(make('p', {}, ...spoken(said), ...more));
  return item;
}
