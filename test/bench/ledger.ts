/** A ledger for a benchmark: made in a temporary folder, opened in this process, measured from outside. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigner } from '@tidemark/canonical/native';
import type { Event } from '@tidemark/event';
import {
  createLedger,
  Engine,
  ledgerFolder,
  planLedger,
  readLedgerFile,
  untilCurrent,
  type LedgerPlan,
} from '@tidemark/cli';
import { openLedger, type Ledger } from '../e2e/tidemark.ts';

export interface BenchLedger extends AsyncDisposable {
  readonly directory: string;
  engine: Engine;
  /** Closes the engine and opens it again. @returns milliseconds until it answers for every bin */
  restart(cutIntervalMs: number): Promise<number>;
  /** Closes the engine for good, so that other processes may serve the ledger. */
  handOver(): Promise<Ledger>;
}

export const SHARDS = 2;
export const MEMORY_BUDGET_BYTES = 768 << 20;
const PARTITIONS = 4;
const BATCH_EVENTS = 1000;
const PASSPHRASE = 'a passphrase';

export async function makeLedger(bits: number, cutIntervalMs: number): Promise<BenchLedger> {
  const parent = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
  const directory = join(parent, 'ledger');
  const options = { name: 'bench', bins: 2 ** bits, partitions: PARTITIONS } as const;
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const plan = planLedger({ ...options, delegation: 'succinct' }, random, Date.now());
  await createLedger(directory, `${directory}-offline-keys`, plan, PASSPHRASE, random);
  let isOpen = true;
  const ledger: BenchLedger = {
    directory,
    engine: await openEngine(directory, plan, cutIntervalMs),
    restart: async (interval) => {
      await ledger.engine.close();
      const start = performance.now();
      ledger.engine = await openEngine(directory, plan, interval);
      return performance.now() - start;
    },
    handOver: async () => {
      await ledger.engine.close();
      isOpen = false;
      const handed = openLedger(directory, plan.rootDocument);
      await mkdir(handed.offlineKeys, { mode: 0o700 });
      await writeFile(handed.passphraseFile, PASSPHRASE, { mode: 0o600 });
      return handed;
    },
    [Symbol.asyncDispose]: async () => {
      if (isOpen) await ledger.engine.close();
      await rm(parent, { recursive: true, force: true });
    },
  };
  return ledger;
}

/** Submits events in batches, a bounded number under way; resolves when all are durable. */
export async function load(
  engine: Engine,
  events: Iterator<Event>,
  count: number,
  underWayMax = 16,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  for (let sent = 0; sent < count;) {
    const batch: Event[] = [];
    for (; batch.length < BATCH_EVENTS && sent < count; sent++) {
      const { value, done } = events.next();
      if (done === true) break;
      batch.push(value);
    }
    if (batch.length === 0) break;
    const done = engine.intake.submit(batch, 'bench').finally(() => underWay.delete(done));
    underWay.add(done);
    if (underWay.size >= underWayMax) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

/** Resolves once everything appended so far is visible. */
export async function untilAllVisible(engine: Engine): Promise<void> {
  const last = await engine.logEnds();
  await engine.untilVisible(() => {
    const vector = engine.publisher.visible?.vector ?? [];
    return last.every((end, p) => (vector[p] ?? 0) >= end);
  });
}

async function openEngine(
  directory: string,
  plan: LedgerPlan,
  cutIntervalMs: number,
): Promise<Engine> {
  const folder = ledgerFolder(directory);
  const keys = plan.onlineKeys.map(({ purpose, seed }) => {
    return [purpose, { purpose, seed, signer: createSigner(seed) }] as const;
  });
  const engine = await Engine.open({
    folder,
    file: await readLedgerFile(folder),
    keys: new Map(keys),
    shards: SHARDS,
    cutIntervalMs,
    memoryBudgetBytes: MEMORY_BUDGET_BYTES,
    verifyBins: 'sample',
    onFault: ({ code, message }) => console.error(`fault: ${code}: ${message}`),
  });
  await untilCurrent(engine);
  return engine;
}
