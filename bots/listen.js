// Prints all that happens in game nights: node listen.js ws://localhost:5000/api/sessions/live TOKEN
const WebSocket = (() => { try { return require('ws'); } catch { return null; } })();
if (!WebSocket) process.exit(console.error('A library is missing: npm install ws') ?? 1);
const [url, token] = process.argv.slice(2);
const places = { sessions: { cursor: 'now' } }; // the last frame of each stream; at first, from now on
const read = (text) => { try { return Object(JSON.parse(text)); } catch { return {}; } }; // odd ones too
function listen(tries = 0) {
  const live = new WebSocket(url, { handshakeTimeout: 15_000 });
  const send = (frame) => live.send(JSON.stringify(frame));
  let unheard = 0; // pings in a row that nothing came after
  const pinging = setInterval(() => (++unheard > 2 ? live.terminate() : send({ type: 'ping' })), 25_000);
  live.on('open', () => send({ type: 'auth', token, since: places.sessions.cursor }));
  live.on('message', (text) => {
    const frame = read(text), { type, stream, data } = frame;
    tries = unheard = 0;
    if (data && frame.sequence <= places[stream]?.sequence) return; // a duplicate
    if (stream) places[stream] = frame; // resume from its cursor
    if (type !== 'pong') console.log(type === 'auth_success' ? `Listening as ${frame.sub}` : `${text}`);
    if (type === 'auth_error') process.exit(1);
    const known = Object.keys(places).slice(1).filter((night) => places[night].type !== 'session.ended');
    const started = type === 'session.started' && data?.session ? [`session:${data.session.id}`] : [];
    for (const key of type === 'auth_success' ? known : started.filter((night) => !places[night]))
      send({ type: 'subscribe', sessionId: +key.slice(8), since: (places[key] ??= { cursor: '' }).cursor });
  });
  live.on('error', (error) => console.error(`${error.message || error.code}; trying again`));
  live.on('close', () => clearInterval(pinging));
  live.on('close', () => setTimeout(listen, Math.random() * Math.min(60, 2 ** tries) * 1000, tries + 1));
}
if (token && /^wss?:/.test(url) && URL.canParse(url)) process.on('SIGINT', () => process.exit(130)), listen();
else process.exit(console.error('Usage: node listen.js ws://localhost:5000/api/sessions/live TOKEN') ?? 1);
