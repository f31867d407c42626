/**
 * Logs of the main thread, used from a worker thread through a `MessagePort`.
 *
 * Every request has an id that its answer repeats. Records travel in one ArrayBuffer of exactly their
 * size, which is transferred: cloning views would clone whatever larger buffer they lie in.
 *
 *     records = count:uint32 (size:uint32)*count bytes          all in the machine's byte order
 */

import type { MessagePort } from 'node:worker_threads';
import { BrokenInvariant, failureFrom, plainFailure } from '@tidemark/canonical';
import type { PlainFailure } from '@tidemark/canonical';
import { closedFault, logsOver } from './logs.ts';
import type { Adapter } from './logs.ts';
import type { Chunk, Log, Logs, Topic } from './port.ts';

type Request =
  | { readonly op: 'append'; readonly records: ArrayBuffer }
  | { readonly op: 'read'; readonly from: number }
  | { readonly op: 'end' };

interface Asked {
  readonly id: number;
  readonly topic: Topic;
  readonly partition: number;
  readonly ask: Request;
}

type ToServer = Asked | { readonly id: number; readonly abort: true };

type ToClient =
  | { readonly id: number; readonly number: number }
  | { readonly id: number; readonly first: number; readonly records: ArrayBuffer }
  | { readonly id: number; readonly failure: PlainFailure };

/** Answers the other end of the port until it closes; waiting reads end with it. */
export function serveLogs(logs: Logs, port: MessagePort): void {
  const reads = new Map<number, AbortController>();
  const serve = async ({ id, topic, partition, ask }: Asked): Promise<void> => {
    const reply = await answer(logs[topic], partition, ask, id, reads);
    port.postMessage(reply, 'records' in reply ? [reply.records] : []);
  };
  port.on('message', (message: ToServer) => {
    if ('abort' in message) {
      reads.get(message.id)?.abort();
      return;
    }
    void serve(message);
  });
  port.on('close', () => {
    for (const controller of reads.values()) controller.abort();
  });
}

/** The logs served at the other end; `close` leaves those open and closes only the port. */
export function connectLogs(port: MessagePort, partitions: number): Logs {
  return logsOver(partitions, new PortClient(port));
}

async function answer(
  log: Log,
  partition: number,
  ask: Request,
  id: number,
  reads: Map<number, AbortController>,
): Promise<ToClient> {
  try {
    if (ask.op === 'append') {
      return { id, number: await log.append(partition, unpack(ask.records)) };
    }
    if (ask.op === 'end') return { id, number: await log.end(partition) };
    const controller = new AbortController();
    reads.set(id, controller);
    const { first, records } = await log.read(partition, ask.from, controller.signal);
    return { id, first, records: pack(records) };
  } catch (error) {
    return { id, failure: plainFailure(error) };
  } finally {
    reads.delete(id);
  }
}

class PortClient implements Adapter {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, PromiseWithResolvers<ToClient>>();
  readonly #appends = new Set<Promise<unknown>>();
  #id = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (reply: ToClient) => {
      const waiting = this.#waiting.get(reply.id);
      if ('failure' in reply) waiting?.reject(failureFrom(reply.failure));
      else waiting?.resolve(reply);
    });
    port.on('close', () => {
      this.#closed = true;
      for (const waiting of this.#waiting.values()) waiting.reject(closedFault());
    });
  }

  async append(topic: Topic, partition: number, records: readonly Uint8Array[]): Promise<number> {
    const packed = pack(records);
    const reply = this.#ask(topic, partition, { op: 'append', records: packed }, [packed]);
    this.#appends.add(reply);
    try {
      return numberOf(await reply);
    } finally {
      this.#appends.delete(reply);
    }
  }

  async read(topic: Topic, partition: number, from: number, signal?: AbortSignal): Promise<Chunk> {
    const reply = this.#ask(topic, partition, { op: 'read', from }, []);
    const id = this.#id;
    const abort = (): void => this.#port.postMessage({ id, abort: true } satisfies ToServer, []);
    signal?.addEventListener('abort', abort);
    try {
      return chunkOf(await reply);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async end(topic: Topic, partition: number): Promise<number> {
    return numberOf(await this.#ask(topic, partition, { op: 'end' }, []));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#appends);
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#port.once('close', resolve);
    this.#port.close();
    await promise;
  }

  async #ask(
    topic: Topic,
    partition: number,
    ask: Request,
    transfer: ArrayBuffer[],
  ): Promise<ToClient> {
    if (this.#closed) throw closedFault();
    const id = ++this.#id;
    const waiting = Promise.withResolvers<ToClient>();
    this.#waiting.set(id, waiting);
    this.#port.postMessage({ id, topic, partition, ask } satisfies ToServer, transfer);
    try {
      return await waiting.promise;
    } finally {
      this.#waiting.delete(id);
    }
  }
}

function numberOf(reply: ToClient): number {
  if ('number' in reply) return reply.number;
  throw new BrokenInvariant('log.proxy', 'an answer of the wrong kind');
}

function chunkOf(reply: ToClient): Chunk {
  if ('records' in reply) return { first: reply.first, records: unpack(reply.records) };
  throw new BrokenInvariant('log.proxy', 'an answer of the wrong kind');
}

function pack(records: readonly Uint8Array[]): ArrayBuffer {
  const head = 4 + 4 * records.length;
  const bytes = records.reduce((sum, record) => sum + record.length, head);
  const packed = new Uint8Array(bytes);
  const sizes = new Uint32Array(packed.buffer, 0, 1 + records.length);
  sizes[0] = records.length;
  let at = head;
  for (const [i, record] of records.entries()) {
    sizes[i + 1] = record.length;
    packed.set(record, at);
    at += record.length;
  }
  return packed.buffer;
}

function unpack(packed: ArrayBuffer): Uint8Array[] {
  const count = new Uint32Array(packed, 0, 1)[0] ?? 0;
  let at = 4 + 4 * count;
  return Array.from(new Uint32Array(packed, 4, count), (size) => {
    const record = new Uint8Array(packed, at, size);
    at += size;
    return record;
  });
}
