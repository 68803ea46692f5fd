// Defines the errors. `code` is stable and for programs, `message` is for people.

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

  /** Whether trying again may help. */
  get passing() { return false; }
}

/** No answer came: the network or the service is down. The request may have been done. */
export class Unreachable extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('unreachable', detail); }

  get passing() { return true; }
}

/** The service answered a request with an error. */
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
    /** The fields that are wrong, and why. */
    this.errors = errors;
    /** Milliseconds to wait before the next request. */
    this.retryAfter = retryAfter;
  }

  get passing() { return this.status === 429 || this.status >= 500; }

  /** Whether something else than the service has answered, as at a wrong address. */
  get foreign() { return this.code === 'unknown' && !this.passing; }
}

/** The service refuses the token, or there is none. */
export class TokenRefused extends Refused {
  /**
   * @param {string} code
   * @param {string} detail
   */
  constructor(code, detail) { super(401, code, detail); }
}

/** No Game Night Live answers at the address. */
export class WrongAddress extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('wrong_address', detail); }
}

/** This platform has no WebSocket. */
export class NoWebSocket extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('no_websocket', detail); }
}

/** The file for cursors can't be used, because of what it holds, who uses it, or where it is. */
export class NoCursors extends GameNightError {
  /** @param {string} detail */
  constructor(detail) { super('no_cursors', detail); }
}

/** Why the connection ended. The client reconnects by itself. */
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
