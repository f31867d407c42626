/**
 * The newest records of every partition, in memory: followers live at the end of the logs, and are
 * served without a look at the disk. The bound is one for all partitions; the oldest go first.
 */

import { Fifo } from './fifo.ts';
import { takeChunk } from './logs.ts';

export class Tails {
  readonly #bytesMax: number;
  #tails = new Map<number, { first: number; records: Fifo<Uint8Array> }>();
  /** Which lane's oldest record is the oldest of all, and so on. */
  #order = new Fifo<number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(lane: number, offset: number, record: Uint8Array): void {
    let tail = this.#tails.get(lane);
    if (tail === undefined) this.#tails.set(lane, (tail = { first: 0, records: new Fifo() }));
    if (tail.records.length === 0) tail.first = offset;
    tail.records.push(record);
    this.#order.push(lane);
    this.#bytes += record.length + recordOverheadBytes;
    while (this.#bytes > this.#bytesMax) this.#dropOldest();
  }

  /** The records from `from` on; undefined if they are not all here. */
  take(lane: number, from: number, bytesMax: number): Uint8Array[] | undefined {
    const tail = this.#tails.get(lane);
    if (tail === undefined || from < tail.first) return undefined;
    if (from >= tail.first + tail.records.length) return undefined;
    return takeChunk(tail.records, from - tail.first, bytesMax);
  }

  clear(): void {
    this.#tails = new Map();
    this.#order = new Fifo();
    this.#bytes = 0;
  }

  #dropOldest(): void {
    const tail = this.#tails.get(this.#order.shift() ?? -1);
    const record = tail?.records.shift();
    if (tail === undefined || record === undefined) throw new RangeError('tails out of step');
    tail.first += 1;
    this.#bytes -= record.length + recordOverheadBytes;
  }
}

/** About what a record costs beside its bytes: two slots and a view. */
const recordOverheadBytes = 120;
