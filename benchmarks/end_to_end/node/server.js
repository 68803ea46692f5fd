// A conventional server: one process, express and ws on one port, sessions in SQLite, a broadcast in a loop.
// Prints its port once it listens; ends with its standard input.
const http = require('node:http');
const express = require('express');
const jwt = require('jsonwebtoken');
const { Database } = require('node-sqlite3-wasm');
const { WebSocketServer } = require('ws');

const [, , databasePath, secret] = process.argv;
const database = new Database(databasePath);
database.exec('CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at TEXT, notes TEXT)');

const authenticated = new Set();

function broadcastEvent(type, data) {
  const frame = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
  for (const client of authenticated) {
    client.send(frame);
  }
}

const app = express();
app.use(express.json());
app.post('/api/sessions', (request, response) => {
  const token = (request.headers.authorization || '').replace('Bearer ', '');
  if (jwt.verify(token, secret, { algorithms: ['HS256'] }).role !== 'admin') {
    response.status(403).end();
    return;
  }
  const created_at = new Date().toISOString();
  const notes = request.body.notes ?? null;
  const { lastInsertRowid } = database.run('INSERT INTO sessions (created_at, notes) VALUES (?, ?)', [created_at, notes]);
  const session = { id: Number(lastInsertRowid), is_active: 1, created_at, notes };
  broadcastEvent('session.started', { session });
  response.status(201).json(session);
});

const server = http.createServer(app);
const live = new WebSocketServer({ server, path: '/api/sessions/live', perMessageDeflate: false });
live.on('connection', (client) => {
  client.on('message', (text) => {
    const frame = JSON.parse(text.toString());
    if (frame.type === 'auth') {
      jwt.verify(frame.token, secret, { algorithms: ['HS256'] });
      authenticated.add(client);
      client.send(JSON.stringify({ type: 'auth_success' }));
    }
  });
  client.on('close', () => authenticated.delete(client));
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
