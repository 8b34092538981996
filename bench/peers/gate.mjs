// Counts only what is done while it is open, in the buckets of the bench's own histogram: 3 % each, from 1 µs.
const STEP = Math.log(1.03);

/** ms, the same in every thread */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

export class Gate {
  #began;
  #events = 0;
  #buckets = new Map();

  /** @param {number} began what `now()` was */
  done(began) {
    if (this.#began === undefined) return;
    this.#events++;
    const bucket = Math.min(799, Math.floor(Math.log(Math.max(1, (now() - began) * 1000)) / STEP));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
  }

  begin() {
    this.#began = now();
  }

  end() {
    const result = { events: this.#events, seconds: (now() - this.#began) / 1000, buckets: [...this.#buckets] };
    this.#began = undefined;
    return result;
  }
}
