// The command of the JavaScript client, see `scenario.py`.

import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { token: { type: 'string', multiple: true }, cursors: { type: 'string' }, speed: { type: 'string' } },
});
const [url, websocketUrl] = positionals;
faster(Number(values.speed ?? 1));

const { GameNight } = await import('gamenight');
const { FileCursors } = await import('gamenight/node');

const print = (line) => console.log(JSON.stringify(line));
const token = values.token.length > 1 ? next : values.token[0];
const cursors = values.cursors && new FileCursors(values.cursors);
const client = new GameNight(url, { token, cursors, websocketUrl });
client.on('state', (state) => print({ state }));
client.on('error', ({ code, message }) => print({ error: code, message }));
process.on('SIGTERM', () => client.close());
try {
  for await (const event of client.events()) print({ event });
} catch (problem) {
  print({ failed: problem.name, message: problem.message });
  process.exitCode = 1;
}

function next() {
  const given = values.token.length > 1 ? values.token.shift() : values.token[0];
  if (given === 'fails') throw new Error('nobody gives a token now');
  return given;
}

function faster(times) {
  const { setTimeout: timeout, setInterval: interval } = globalThis;
  const [now, began] = [Date.now, Date.now()];
  globalThis.setTimeout = (act, after, ...more) => timeout(act, after / times, ...more);
  globalThis.setInterval = (act, every, ...more) => interval(act, every / times, ...more);
  Date.now = () => began + (now() - began) * times;
}
