// What can go wrong, as errors. `code` is stable and for programs, `message` is for people.

/** The base of all errors of this package. */
export class GameNightError extends Error {
  /**
   * @param {string} code
   * @param {string} detail
   */
  constructor(code, detail) {
    super(detail);
    this.name = new.target.name;
    this.code = code;
    this.detail = detail;
  }

  /** Whether it may go away by itself. */
  get passing() { return false; }
}

/** No answer came: the network is down, or the service is. What was asked may have been done. */
export class Unreachable extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('unreachable', detail); }

  get passing() { return true; }
}

/** The service has answered a request with an error. */
export class Refused extends GameNightError {
  /**
   * @param {number} status the answer's HTTP status
   * @param {string} code
   * @param {string} detail
   * @param {{ errors?: { field: string, message: string }[], retryAfter?: number }} [more]
   */
  constructor(status, code, detail, { errors = [], retryAfter = 0 } = {}) {
    super(code, detail);
    this.status = status;
    /** What is wrong with which field. */
    this.errors = errors;
    /** So many milliseconds the service wants to be left alone. */
    this.retryAfter = retryAfter;
  }

  get passing() { return this.status === 429 || this.status >= 500; }
}

/** There is no token that the service accepts: it refuses the one that it got, or none could be had. */
export class TokenRefused extends Refused {
  /**
   * @param {string} code
   * @param {string} detail
   */
  constructor(code, detail) { super(401, code, detail); }
}

/** No Game Night Live answers at the address, or no WebSocket can be had here at all. */
export class WrongAddress extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('wrong_address', detail); }
}

/** What holds the cursors can't be used: it holds something else, or has no folder. */
export class NoCursors extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('no_cursors', detail); }
}

/** The connection has ended, and this is why. The client opens another one by itself. */
export class ConnectionLost extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('connection_lost', detail); }
}

/**
 * Return what was thrown as an error of this package.
 * @param {unknown} problem
 */
export function known(problem) {
  if (problem instanceof GameNightError) return problem;
  return new ConnectionLost(problem instanceof Error ? problem.message : String(problem));
}
