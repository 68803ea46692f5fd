// What only Node has: cursors in a file. Browsers load nothing of it.

import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NoCursors } from './src/errors.js';

/** A small JSON file, which is replaced as a whole and so is never half written. */
export class FileCursors {
  #path;

  /** @param {string} path */
  constructor(path) { this.#path = resolve(path); }

  /**
   * Return what the file holds; an empty one, as a power cut leaves, is as none. Throws NoCursors where it holds
   * something else, which is somebody's, and where there is no folder for it.
   * @returns {Promise<import('./src/cursors.js').Cursors>}
   */
  async load() {
    await access(dirname(this.#path)).catch(() => {
      throw new NoCursors(`The cursors can't be kept in ${this.#path}: there is no such folder. Make it first.`);
    });
    let text;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (problem) {
      if (/** @type {NodeJS.ErrnoException} */ (problem).code === 'ENOENT') return {};
      throw problem;
    }
    if (!text.replace(/[\0\s]/g, '')) return {};
    const cursors = parsed(text);
    if (!isCursors(cursors)) {
      throw new NoCursors(`${this.#path} does not hold cursors, and is left as it is. Name another file.`);
    }
    return cursors;
  }

  /**
   * Replace the file.
   * @param {import('./src/cursors.js').Cursors} cursors
   */
  async save(cursors) {
    await writeFile(`${this.#path}.new`, JSON.stringify(cursors, null, 1));
    await rename(`${this.#path}.new`, this.#path);
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
