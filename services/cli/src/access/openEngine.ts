/** The engine of a ledger's folder, opened by the process that runs it: a server, or a command where none runs. */
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingFault } from '@tidemark/canonical';
import { Engine } from '../engine/engine.ts';
import type { EngineBounds, EngineOptions } from '../engine/engineParts.ts';
import { readKeys } from '../folder/keystore.ts';
import {
  ledgerFolder,
  readLedgerFile,
  type LedgerFile,
  type LedgerFolder,
} from '../folder/ledgerFolder.ts';
import { demandNoneOf, demandNoOfflineKeys } from '../folder/offlineKeys.ts';
import type { EngineObserver } from '../operations/observer.ts';
import { readPassphrase } from '../folder/passphrase.ts';
import { answers } from './socket.ts';

export interface EngineSettings extends EngineBounds {
  readonly shards?: number | undefined;
  readonly cutIntervalMs?: number | undefined;
  readonly memoryBudgetBytes?: number | undefined;
  readonly verifyBins?: EngineOptions['verifyBins'] | undefined;
  readonly observer?: EngineObserver | undefined;
  /** Told what a person at the terminal should know; by default it goes to standard error. */
  readonly say?: ((message: string) => void) | undefined;
}

const MEMORY_BUDGET_BYTES = 512 << 20;
/** How long another process that has the ledger open is waited for. */
const BUSY_MS_MAX = 15_000;
const BUSY_LOOK_MS = 200;

/**
 * Unlocks the keys of a ledger's folder and opens its engine.
 * @returns undefined where a server has been started meanwhile
 * @throws OperatingFault `ledger.busy` while another process has it open, and others
 */
export async function openEngine(
  directory: string,
  settings: EngineSettings,
): Promise<Engine | undefined> {
  const folder = ledgerFolder(directory);
  const file = await readLedgerFile(folder);
  const keysInside = await demandNoOfflineKeys(folder);
  const options = await engineOptions(folder, file, settings);
  const deadline = performance.now() + BUSY_MS_MAX;
  for (;;) {
    try {
      const engine = await Engine.open(options);
      try {
        demandNoneOf(keysInside, engine.genesis.operators.keys);
      } catch (error) {
        await engine.close();
        throw error;
      }
      return engine;
    } catch (error) {
      if (!(error instanceof OperatingFault) || error.code !== 'log.locked') throw error;
      if (performance.now() > deadline) throw busy(folder, error);
    }
    await delay(BUSY_LOOK_MS);
    if (await answers(folder.socket)) return undefined;
  }
}

async function engineOptions(
  folder: LedgerFolder,
  file: LedgerFile,
  settings: EngineSettings,
): Promise<EngineOptions> {
  const { say = sayToTerminal, observer } = settings;
  const passphrase = await readPassphrase({
    title: `Passphrase of the online keys of ${file.name}`,
    environment: process.env,
    input: process.stdin,
    output: process.stderr,
    warn: say,
  });
  return {
    ...settings,
    folder,
    file,
    keys: await readKeys(folder.keys, passphrase),
    shards: Math.min(settings.shards ?? availableParallelism(), file.partitions),
    cutIntervalMs: settings.cutIntervalMs ?? 1000,
    memoryBudgetBytes: settings.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES,
    verifyBins: settings.verifyBins ?? 'sample',
    onFault: (failure, who) => {
      say(`waiting: ${failure.message} (${failure.code})`);
      observer?.fault(failure, who);
    },
  };
}

/** A message for people. */
export function sayToTerminal(message: string): void {
  console.error(`tidemark: ${message}`);
}

function busy(folder: LedgerFolder, cause: Error): OperatingFault {
  return new OperatingFault(
    'ledger.busy',
    `another tidemark command is at work on ${folder.root}; wait until it is done, ` +
      'or run a server, which any number of commands can share',
    { cause },
  );
}
