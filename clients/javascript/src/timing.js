// Waits, and computes how long.

/**
 * Wait, in milliseconds, or until a signal ends it.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function sleep(milliseconds, signal) {
  return new Promise((wake) => {
    if (signal.aborted) return wake();
    const woken = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', woken);
      wake();
    };
    const timer = setTimeout(woken, milliseconds);
    signal.addEventListener('abort', woken);
  });
}

/**
 * The wait before another attempt, in milliseconds: a random share of `first`, doubled with each failure.
 * @param {number} first
 * @param {number} failures in a row, from 1
 * @param {number} longest
 */
export const backOff = (first, failures, longest) =>
  Math.random() * Math.min(longest, first * 2 ** Math.min(failures - 1, 16));
