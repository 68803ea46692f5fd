// Joins with a code: a guest enters a name and nothing else, and a host needs no name.

import { codeIn, isOfHost } from './address.js';
import { byId, say, show } from './elements.js';
import { mark, onSubmit } from './forms.js';
import { Rest } from './gamenight/rest.js';
import { problemSentence } from './words.js';

const GUEST = {
  title: 'You are invited.', lead: 'See what is played, and vote for it.', label: 'Your name', button: 'Join',
};
const HOST = {
  title: 'Sign in as a host',
  lead: 'You will be a host: you can start and end nights.',
  label: 'Your name (optional)',
  button: 'Sign in',
};

/** Joining needs no token. */
const NOBODY = { latest: async () => '' };
const AT = { invite_not_found: 'code', invite_expired: 'code', name_taken: 'name' }; // which field a problem is about

export class Join {
  #form = byId('join-form');
  #device;
  #letIn;
  #rest;

  /** `device` is a Memory that outlives this tab. `letIn(answer)` continues with the service's answer. */
  constructor(root, device, letIn) {
    [this.#device, this.#letIn] = [device, letIn];
    this.#rest = new Rest(root, NOBODY, new AbortController().signal);
    onSubmit(this.#form, async (fields) => {
      const [code, name] = [codeIn(fields.code), fields.name.trim()];
      const before = this.guest;
      if (before?.code === code && before.name.toLowerCase() === name.toLowerCase()) {
        await letIn(before);
        return;
      }
      let answer;
      try {
        answer = await this.ask({ code, ...(name && { name }) });
      } catch (problem) {
        const field = AT[problem.code];
        if (!field) throw problem;
        if (field === 'code') byId('join-code').hidden = false;
        mark(this.#form.elements[field], problemSentence(problem));
        this.#form.elements[field].focus();
        return;
      }
      this.#form.reset();
      if (answer.role === 'guest') device.write('guest', { ...answer, code });
      else device.write('host', answer.token);
      await letIn(answer);
    });
    this.#form.elements.code.addEventListener('input', () => this.#ask());
  }

  /** The guest who joined in this browser: the service's answer, with the code; or null. */
  get guest() {
    const kept = this.#device.read('guest');
    return kept && new Date(kept.expires_at) > Date.now() ? kept : null;
  }

  /** Return the service's answer to a code. Raises a GameNightError. */
  ask(body) { return this.#rest.request('POST', '/api/join', body); }

  /** Ask for a name, and for the code if the address has none. A guest who has joined before is not asked again. */
  open(code) {
    const before = this.guest;
    if (code && before?.code === code) {
      this.#letIn(before);
      return;
    }
    this.#form.elements.code.value = code;
    byId('join-code').hidden = code !== '';
    this.#ask();
    show('join');
  }

  /** Show what the code is for. */
  #ask() {
    const { title, lead, label, button } = isOfHost(codeIn(this.#form.elements.code.value)) ? HOST : GUEST;
    say(byId('join-title'), title);
    say(byId('join-lead'), lead);
    say(this.#form.querySelector('[for="name"]'), label);
    say(this.#form.querySelector('button'), button);
  }
}
