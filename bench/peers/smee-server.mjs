// What the server of smee.io does: a POST is passed on, as JSON with its headers, its parsed body and the query, to whoever listens on the channel.
import { createServer } from 'node:http';

const url = new URL(process.argv[2]);
const listeners = new Set();
let last = 0;

createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    response.write('event: ready\ndata: {}\n\n');
    listeners.add(response);
    const beat = setInterval(() => response.write('event: ping\ndata: {}\n\n'), 30_000);
    response.on('close', () => {
      clearInterval(beat);
      listeners.delete(response);
    });
    return;
  }

  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(parts).toString());
    const query = Object.fromEntries(new URL(request.url, url).searchParams);
    const data = JSON.stringify({ ...request.headers, body, query, timestamp: Date.now() });
    const event = `id: ${++last}\ndata: ${data}\n\n`;
    for (const listener of listeners) {
      listener.write(event);
    }
    response.writeHead(200, { 'content-length': 0 }).end();
  });
}).listen(Number(url.port), url.hostname, () => console.log('peer is ready'));
