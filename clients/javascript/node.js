// Stores cursors in a file, in Node. Browsers don't load this module.

import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NoCursors } from './src/errors.js';

/**
 * Cursors in a small JSON file. Saving replaces the whole file, so it is never half written. Use a file for one
 * program only: two at the same time would lose events.
 */
export class FileCursors {
  #path;
  /** @type {string | null} as it was read or written last */
  #content = null;

  /** @param {string} path */
  constructor(path) { this.#path = resolve(path); }

  /**
   * Return the file's cursors; none if it is missing or empty, as after a power cut. Throws NoCursors if it holds
   * something else, which saving would replace, or if its folder is missing.
   * @returns {Promise<import('./src/cursors.js').Cursors>}
   */
  async load() {
    await access(dirname(this.#path)).catch(() => {
      throw new NoCursors(`The cursors can't be kept in ${this.#path}: there is no such folder. Make it first.`);
    });
    const text = this.#content = await this.#read();
    if (!text.replace(/[\0\s]/g, '')) return {};
    const cursors = parsed(text);
    if (!isCursors(cursors)) {
      throw new NoCursors(`${this.#path} does not hold cursors, and is left as it is. Name another file.`);
    }
    return cursors;
  }

  /**
   * Replace the file. Throws NoCursors if another program has changed it, or it can't be written.
   * @param {import('./src/cursors.js').Cursors} cursors
   */
  async save(cursors) {
    if (this.#content !== null && !['', this.#content].includes(await this.#read())) {
      throw new NoCursors(`${this.#path} is in use by another program. Name another file for this one.`);
    }
    const content = JSON.stringify(cursors, null, 1);
    const scratch = `${this.#path}.${process.pid}.new`;
    try {
      await writeFile(scratch, content);
      await rename(scratch, this.#path);
    } catch (problem) {
      throw new NoCursors(`The cursors can't be kept in ${this.#path}: ${/** @type {Error} */ (problem).message}.`);
    }
    this.#content = content;
  }

  /** Return the file's text, empty if there is no file. */
  async #read() {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (problem) {
      if (/** @type {NodeJS.ErrnoException} */ (problem).code === 'ENOENT') return '';
      throw problem;
    }
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {unknown} cursors
 * @returns {cursors is import('./src/cursors.js').Cursors}
 */
function isCursors(cursors) {
  return typeof cursors === 'object' && cursors !== null && !Array.isArray(cursors)
    && Object.entries(cursors).every(([name, cursor]) => /^(sessions|session:\d+)$/.test(name) && typeof cursor === 'string');
}
