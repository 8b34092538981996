// Says when each event's moment has come, from a thread that sleeps: timers on the main thread are late by up to a millisecond.
import { parentPort, workerData } from 'node:worker_threads';
import { now } from './gate.mjs';

const never = new Int32Array(new SharedArrayBuffer(4));

const start = now();
for (let number = 0; ; number++) {
  const moment = start + number * 1000 / workerData.perSecond;
  for (let left; (left = moment - now()) > 0;) {
    Atomics.wait(never, 0, 0, left);
  }
  parentPort.postMessage(moment);
}
