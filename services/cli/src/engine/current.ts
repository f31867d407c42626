/** Waiting until a ledger's state shows all that its logs had settled: one that is rebuilt begins anew. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './engine.ts';

const LOOK_MS = 20;
const PROGRESS_MS = 5000;

/**
 * Resolves once a snapshot is visible, and the publisher and every shard are at the newest one that the
 * logs had settled when this was called. Who has to wait long is told how far it is.
 */
export async function untilCurrent(
  engine: Engine,
  say: (message: string) => void = (message) => console.error(`tidemark: ${message}`),
): Promise<void> {
  const newest = engine.publisher.control.settled;
  const progress = setInterval(() => {
    say(progressOf(engine.publisher.settled, newest));
  }, PROGRESS_MS);
  try {
    while (!(await isCurrent(engine, newest))) await Promise.race([delay(LOOK_MS), engine.failed]);
  } finally {
    clearInterval(progress);
  }
}

async function isCurrent(engine: Engine, newest: number): Promise<boolean> {
  const { publisher, shards, options, failed } = engine;
  if (publisher.visible === undefined || publisher.settled < newest) return false;
  const stats = await Promise.race([shards.stats(), failed]);
  return stats.length === options.shards && stats.every(({ n }) => n >= newest);
}

function progressOf(n: number, newest: number): string {
  return newest === 0
    ? 'waiting for the first snapshot'
    : `rebuilding from the logs: snapshot ${n} of ${newest}`;
}
