// What clients hold against what the ledger says, against a model and against a replay of its logs.
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Held } from './clients.ts';
import { modelOf, type Modelled } from './model.ts';
import { askAll, differences, everythingServed, targetsServed, type Served } from './served.ts';
import { copyLedger, inParallel, Server, sha256, type ServeSettings } from './support.ts';

const PARTITIONS = 4;

/** Of ledgers to be compared: every cut makes a snapshot.json, so the newest states the newest cut. */
export const SHAPE = {
  partitions: PARTITIONS,
  policy: { conflict: 'replace', classic_ms: 0 },
} as const;

/**
 * I1: every acknowledged event has its outcome. I2: none was applied twice. I5: a replay of the logs
 * gives the same bytes. All uploads must be settled and the server stopped.
 * @returns the number of the newest snapshot
 */
export async function compareAll(
  folder: string,
  ledger: string,
  settings: ServeSettings,
  held: Held,
): Promise<number> {
  const model = await modelOf(join(ledger, 'log'), PARTITIONS);
  compareReceipts(held, model);
  const served = await compareServed(ledger, settings, held, model);
  const newest = newestOf(served);
  const replica = join(folder, 'replica');
  await copyLedger(ledger, replica, ['state', 'metadata']);
  await using server = await new Server(replica, settings).ready(newest);
  expect(differences(served, await askAll(server, [...served.keys()]))).toEqual([]);
  return newest;
}

/** I1 and I2 in the log: every receipt names its event, and each event is applied once at the most. */
function compareReceipts({ receipts }: Held, { fates }: Modelled): void {
  const wrong: string[] = [];
  for (const [id, places] of receipts) {
    for (const place of places) {
      if (fates.get(place)?.id !== id) wrong.push(`${id} is not at ${place}`);
    }
  }
  expect(wrong).toEqual([]);
}

/** What the ledger says of each receipt, of each target and of each file that anybody saw. */
async function compareServed(
  ledger: string,
  settings: ServeSettings,
  held: Held,
  model: Modelled,
): Promise<Served> {
  await using server = await new Server(ledger, settings).ready();
  expect(differences(model.targets, await targetsServed(server))).toEqual([]);

  const receipts = [...new Set([...held.receipts.values()].flat())];
  const applied = new Map<string, number>();
  await inParallel(receipts, 16, async (receipt) => {
    const { body } = await server.get(`/v1/receipts/${receipt}`);
    const { id, state, code, first } = model.fates.get(receipt)!;
    const fate = JSON.parse(body.toString()) as Fate;
    const place = fate.first && `${fate.first.offset}/${fate.first.index}`;
    const told = { id, state: fate.state, code: fate.code, first: place };
    expect(told, `receipt ${receipt}`).toEqual({ id, state, code, first });
    if (state === 'applied') applied.set(id, (applied.get(id) ?? 0) + 1);
  });
  expect([...applied].filter(([, times]) => times > 1)).toEqual([]);

  const served = await everythingServed(server, { every: 100 });
  expect([...served].filter(([, answer]) => answer.length !== 64)).toEqual([]);
  for (const [path, hash] of held.seen) {
    if (path.startsWith('/')) expect(served.get(path), `of ${path}`).toBe(hash);
  }
  const { body } = await server.get('/log/checkpoint');
  const size = body.toString().split('\n')[1];
  const seen = held.seen.get(`checkpoint of size ${size}`) ?? sha256(body);
  expect(seen).toBe(sha256(body));
  return served;
}

interface Fate {
  readonly state: string;
  readonly code?: string;
  readonly first?: { readonly offset: number; readonly index: number };
}

function newestOf(served: Served): number {
  const numbers = Array.from(served.keys(), (path) =>
    Number(/\/(\d+)\.timestamp\.json$/.exec(path)?.[1] ?? 0),
  );
  return Math.max(...numbers);
}
