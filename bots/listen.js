// Prints all that happens in game nights: node listen.js ws://localhost:5000/api/sessions/live TOKEN
const WebSocket = require('ws');

const [url, token] = process.argv.slice(2);
const nights = new Set();
let since = 'new:0'; // a cursor of no stream: from now on

function listen(failures = 0) {
  const live = new WebSocket(url);
  const send = (frame) => live.send(JSON.stringify(frame));

  live.on('open', () => send({ type: 'auth', token, since }));
  live.on('message', (text) => {
    console.log(text.toString());
    const frame = JSON.parse(text);
    const started = frame.type === 'session.started';
    failures = 0;
    if (frame.type === 'auth_error') process.exit(1);
    if (started) nights.add(frame.data.session.id);
    if (started || frame.recovered === false) since = frame.cursor; // missed starts come after a break
    if (started || frame.type === 'auth_success') {
      nights.forEach((sessionId) => send({ type: 'subscribe', sessionId }));
    }
  });
  live.on('error', (error) => console.error(error.message));
  const delay = () => Math.random() * Math.min(60, 2 ** failures) * 1000;
  live.on('close', () => setTimeout(listen, delay(), failures + 1));
}

listen();
