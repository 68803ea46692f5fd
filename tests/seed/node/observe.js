// Loaded before a program of the seed: copies every frame that the program gets to standard error.
const WebSocket = require('ws');

const { emit } = WebSocket.prototype;

WebSocket.prototype.emit = function (event, ...details) {
  if (event === 'message') {
    process.stderr.write(`${details[0]}\n`);
  }
  return emit.call(this, event, ...details);
};
