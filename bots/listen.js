// Prints all that happens in game nights: node listen.js ws://localhost:5000/api/sessions/live TOKEN
const WebSocket = require('ws');
const [url, token] = process.argv.slice(2);
const nights = new Map(); // the ids of those that have started, by their cursors
let since = 'new:0'; // a cursor of no stream: from now on
const after = (cursor) => cursor.replace(/\d+$/, (number) => Number(number) + 1);

function listen(failures = 0) {
  const live = new WebSocket(url);
  const send = (frame) => live.send(JSON.stringify(frame));
  live.on('open', () => send({ type: 'auth', token, since }));
  live.on('message', (text) => {
    const frame = JSON.parse(text);
    const [started, letIn] = [frame.type === 'session.started', frame.type === 'auth_success'];
    console.log(letIn ? `Listening as ${frame.sub}` : text.toString());
    failures = 0;
    if (frame.type === 'auth_error') process.exit(1);
    if (started) nights.set(frame.cursor, frame.data.session.id);
    if (frame.recovered === false) since = frame.cursor; // after a break, missed starts come
    while (nights.has(after(since))) since = after(since); // not past one of a replay that is to come
    if (started || letIn) nights.forEach((sessionId) => send({ type: 'subscribe', sessionId }));
  });
  live.on('error', (error) => console.error(`${error.message || error.code}; trying again`));
  const delay = () => Math.random() * Math.min(60, 2 ** failures) * 1000;
  live.on('close', () => setTimeout(listen, delay(), failures + 1));
}

process.exitCode = 1; // it ends where something is wrong, and only then
if (token) listen();
else console.error('Usage: node listen.js ws://localhost:5000/api/sessions/live TOKEN');
