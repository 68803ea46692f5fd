// Invites guests and hosts: shows a code with its QR code and its link. Removes guests.

import { isOfHost, joinLinkOf } from './address.js';
import { byId, make, say, spoken } from './elements.js';
import { mark, onSubmit, tell } from './forms.js';
import { qrCode } from './qr.js';
import { onShare } from './share.js';
import { fieldSentence, removedWords, timeText } from './words.js';

const HERE_ONLY = ['localhost', '127.0.0.1', '[::1]'];
const LEFT = 60_000; // milliseconds: a code is shown again if it is valid for longer
const GUESTS = {
  title: 'Invite guests',
  text: 'Come to game night',
  lead: 'For as many guests as come, until the night ends.',
};
const HOST = {
  title: 'Sign in another device',
  text: 'Host the game night',
  lead: 'For one device, once. That device becomes a host.',
};

export class Invitations {
  #memory;
  #client = null;
  #night = null;
  #shown = null; // { code, text }

  constructor(memory) {
    this.#memory = memory;
    byId('invite').addEventListener('click', () => this.#show(GUESTS, () => this.ofNight(this.#night)));
    byId('another-device').addEventListener('click', () => {
      this.#show(HOST, () => this.#client.request('POST', '/api/invites', {}));
    });
    byId('close-invitation').addEventListener('click', () => byId('invitation').close());
    onShare(byId('share-invitation'), () => ({ text: this.#shown.text, url: joinLinkOf(this.#shown.code) }));
    onSubmit(byId('remove-guest'), async (fields) => {
      const guest = fields.guest.trim();
      say(byId('removed-guest'), '');
      if (!guest) {
        mark(byId('guest'), fieldSentence({ field: 'name' }));
        byId('guest').focus();
        return;
      }
      await this.#client.request('DELETE', `/api/sessions/${this.#night}/guests/${encodeURIComponent(guest)}`);
      byId('remove-guest').reset();
      byId('removed-guest').replaceChildren(...spoken(removedWords(guest)));
    });
  }

  /** Set the client of the host who has signed in. */
  begin(client) { this.#client = client; }

  /** Set the night that is shown. */
  at(night) { this.#night = night; }

  /** Return the code of a night, the same one while it is valid. Raises a GameNightError. */
  async ofNight(night) {
    const kept = this.#memory.read('invite');
    if (kept?.night === night && new Date(kept.expires_at) - Date.now() > LEFT) return kept;
    const made = { night, ...await this.#client.request('POST', `/api/sessions/${night}/invites`, {}) };
    this.#memory.write('invite', made);
    return made;
  }

  async #show({ title, text, lead }, asked) {
    say(byId('invitation-title'), title);
    say(byId('invitation-lead'), lead);
    byId('invitation-here').hidden = !HERE_ONLY.includes(window.location.hostname);
    byId('guests').hidden = text !== GUESTS.text;
    byId('invitation-ticket').hidden = true;
    for (const id of ['invitation-problem', 'removed-guest']) say(byId(id), '');
    byId('invitation').showModal();
    try {
      const { code, expires_at: until } = await asked();
      this.#shown = { code, text };
      byId('invitation-ticket').replaceChildren(...await ticketOf(code));
      byId('invitation-ticket').hidden = false;
      say(byId('invitation-lead'), `${lead} Good until ${timeText(until)}.`);
    } catch (problem) {
      tell(byId('invitation'), problem);
    }
  }
}

/** Return a code's elements: its QR code, its letters and its link. */
export async function ticketOf(code) {
  const link = joinLinkOf(code);
  return [
    await qrCode(link, `QR code of ${link}`),
    ...(isOfHost(code) ? [] : [make('p', { className: 'code' }, code)]),
    make('a', { href: link, className: 'link' }, link.replace(/^https?:\/\//, '')),
  ];
}
