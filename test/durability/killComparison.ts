// Kills, then compares what clients were told with what the ledger says, with a model, with a replay.
import { expect } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { compareAll, SHAPE } from './comparison.ts';
import { killRepeatedly } from './killing.ts';
import { seededRandom } from '../support/random.ts';
import { makeLedger, makePassphraseFile } from './support.ts';

export async function killAndCompare(kills: number): Promise<void> {
  await using folder = await temporaryFolder();
  const settings = { passphraseFile: await makePassphraseFile(folder.path), cutInterval: '20ms' };
  const { random } = seededRandom(`${kills} kills`);
  const ledger = await makeLedger(folder.path, { ...SHAPE, bins: 256 }, Date.now());
  const held = await killRepeatedly({ ledger, settings, kills, random });
  expect(held.interrupted).toBeGreaterThan(kills / 4);
  expect(held.early).toBeGreaterThan(0);

  const newest = await compareAll(folder.path, ledger, settings, held);
  const all = held.receipts.size;
  process.stderr.write(
    `${kills} kills: ${all} events acknowledged, ${newest} snapshots, ` +
      `${held.interrupted} kills with answers awaited, ${held.early} while starting\n`,
  );
}
