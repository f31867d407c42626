// Kills, then compares what clients were told with what the ledger says, with a model, with a replay.
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { killRepeatedly, type Held } from './killing.ts';
import { modelOf, type Modelled } from './model.ts';
import { askAll, everythingServed, targetsServed, type Served } from './served.ts';
import {
  copyLedger,
  inParallel,
  makeLedger,
  makePassphraseFile,
  seededRandom,
  Server,
  sha256,
  type ServeSettings,
} from './support.ts';

const PARTITIONS = 4;

export async function killAndCompare(kills: number): Promise<void> {
  await using folder = await temporaryFolder();
  const settings = { passphraseFile: await makePassphraseFile(folder.path), cutInterval: '50ms' };
  const { random } = seededRandom(`${kills} kills`);
  const shape = { bins: 256, partitions: PARTITIONS, policy: { conflict: 'replace' } as const };
  const ledger = await makeLedger(folder.path, shape, Date.now());
  const held = await killRepeatedly({ ledger, settings, kills, random });
  expect(held.interrupted).toBeGreaterThan(kills / 4);
  expect(held.early).toBeGreaterThan(0);

  const model = await modelOf(join(ledger, 'log'), PARTITIONS);
  compareReceipts(held, model);
  const served = await compareServed(ledger, settings, held, model);

  const replica = join(folder.path, 'replica');
  await copyLedger(ledger, replica, ['state', 'metadata']);
  await using server = await new Server(replica, settings).ready(newestOf(served));
  expect(await askAll(server, [...served.keys()])).toEqual(served);
  const all = held.receipts.size;
  process.stderr.write(
    `${kills} kills: ${all} events acknowledged, ${newestOf(served)} snapshots, ` +
      `${held.interrupted} kills with answers awaited, ${held.early} while starting\n`,
  );
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
  expect(await targetsServed(server)).toEqual(model.targets);

  const receipts = [...new Set([...held.receipts.values()].flat())];
  const applied = new Map<string, number>();
  await inParallel(receipts, 16, async (receipt) => {
    const { body } = await server.get(`/v1/receipts/${receipt}`);
    const { id, state, code, first } = model.fates.get(receipt)!;
    const fate = JSON.parse(body.toString()) as Fate;
    const place = fate.first && `${fate.first.offset}/${fate.first.index}`;
    const told = { id, state: fate.state, code: fate.code, first: place };
    expect(told, receipt).toEqual({ id, state, code, first });
    if (state === 'applied') applied.set(id, (applied.get(id) ?? 0) + 1);
  });
  expect([...applied].filter(([, times]) => times > 1)).toEqual([]);

  const served = await everythingServed(server, { every: 100 });
  expect([...served].filter(([, answer]) => answer.length !== 64)).toEqual([]);
  for (const [path, hash] of held.seen) {
    if (path.startsWith('/')) expect(served.get(path), path).toBe(hash);
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
