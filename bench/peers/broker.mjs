// Sender and receiver of a broker, told what to do by scripts/bench line by line; every line gets one line back.
//   deliver IN_FLIGHT BYTES   so many events are on their way at a time
//   pace PER_SECOND BYTES WARM_UP_MS
//                             events are sent at a rate, whether or not earlier ones are done; before that, 64 at a time
//   begin / end               of what is measured; end answers {events, seconds, buckets: [[bucket, count]…]}
//   idle COUNT                so many more receivers connect, and get nothing
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { body, numberOf } from './body.mjs';
import { Gate, now } from './gate.mjs';

const [kind, url] = process.argv.slice(2);
const broker = await import(`./${kind}.mjs`);
const gate = new Gate();
const idle = [];

/** What waits for the receiver, by the event's number. */
const waiting = new Map();

async function start(bytes) {
  const sender = await broker.sender(url);
  await broker.receiver(url, 'events', (message) => {
    const number = numberOf(message);
    const done = waiting.get(number);
    waiting.delete(number);
    done?.();
  });
  return (number) => {
    const received = new Promise((done) => waiting.set(number, done));
    return Promise.all([sender(body(bytes, number)), received]);
  };
}

/** So many events on their way at a time, until told otherwise. */
function keepBusy(event, inFlight, isOver = () => false) {
  return Promise.all(Array.from({ length: inFlight }, async (_, slot) => {
    while (!isOver()) {
      const began = now();
      await event(slot);
      gate.done(began);
    }
  }));
}

const commands = {
  async deliver(inFlight, bytes) {
    keepBusy(await start(bytes), inFlight);
  },

  async pace(perSecond, bytes, warmUpMs) {
    const event = await start(bytes);

    // Some thousands of events, so that the code is compiled.
    const warm = now() + warmUpMs;
    await keepBusy(event, 64, () => now() > warm);
    let number = 0;
    new Worker(new URL('./pacer.mjs', import.meta.url), { workerData: { perSecond } }).on('message', async (moment) => {
      await event(number++ % 100_000_000);
      gate.done(moment);
    });
  },

  begin: () => gate.begin(),
  end: () => gate.end(),

  async idle(count) {
    for (let connected = 0; connected < count; connected += 50) {
      const batch = Array.from({ length: Math.min(50, count - connected) }, (_, i) => broker.receiver(url, `idle.${idle.length + i}`, () => {}));
      idle.push(...await Promise.all(batch));
    }
  },
};

await broker.prepare(url);
console.log('peer is ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...numbers] = line.split(' ');
  console.log(JSON.stringify(await commands[command](...numbers.map(Number)) ?? null));
}
process.exit();
