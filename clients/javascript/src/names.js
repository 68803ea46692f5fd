// Names the streams: `sessions` has the start of each night, and `session:17` the events of night 17.

export const SESSIONS = 'sessions';

/** The cursor of a stream without a place. The answer to it has the stream's end. */
export const NOW = 'now';

/**
 * The stream of a night.
 * @param {number} id
 */
export const streamOf = (id) => `session:${id}`;

/**
 * The id of a stream's night.
 * @param {string} stream
 */
export const nightIn = (stream) => Number(stream.slice('session:'.length));
