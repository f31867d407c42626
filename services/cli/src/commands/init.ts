/** `tidemark init`: the keys, the first documents, an empty ledger. */
import { randomBytes } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { RejectedInput } from '@tidemark/canonical';
import type { Policy } from '@tidemark/event';
import { planLedger } from '../folder/ceremony.ts';
import { isThere } from '../access/copies.ts';
import { writePrivateFiles } from '@tidemark/runtime';
import { keyFileName, writeKeys } from '../folder/keystore.ts';
import { createLedger, demandNew } from '../folder/ledgerFolder.ts';
import { readPassphrase } from '../folder/passphrase.ts';

export interface InitOptions {
  readonly bins: string;
  readonly partitions: string;
  readonly delegation: 'succinct' | 'prefixes';
  /** What is not given of the policy is as in `defaultPolicy`. */
  readonly conflict?: 'reject' | 'replace' | undefined;
  readonly snapshotHashes?: boolean | undefined;
  /** Least time between two versions of snapshot.json, ms; 0: every cut; null: only renewed. */
  readonly classicMs?: number | null | undefined;
  readonly name?: string | undefined;
  readonly offlineKeys?: string | undefined;
  readonly yes?: boolean | undefined;
}

/** Name of the demo passphrase's file beside the offline keys. */
export const DEMO_PASSPHRASE_FILE = 'demo-passphrase.txt';

/**
 * Makes the offline keys, then the ledger: never a ledger without them.
 * @returns where the offline keys went
 */
export async function initLedger(directory: string, options: InitOptions): Promise<string> {
  const root = resolve(directory);
  const offline = resolve(options.offlineKeys ?? `${root}-offline-keys`);
  const plan = planLedger(
    {
      name: options.name ?? nameFrom(root),
      bins: wholeNumber('--bins', options.bins),
      partitions: wholeNumber('--partitions', options.partitions),
      delegation: options.delegation,
      policy: policyFrom(options),
    },
    random,
    Date.now(),
  );
  await demandNew(root, offline);
  const demo = options.yes === true ? randomBytes(18).toString('base64url') : undefined;
  const online = demo ?? (await ask('Passphrase for the online keys'));
  const offlinePassphrase = demo ?? (await ask('Passphrase for the offline keys (another one)'));
  const made: string[] = [];
  const hadFolder = await isThere(offline);
  try {
    // First: `npm start` knows by this file that keys without a ledger are left from a demo that was interrupted.
    if (demo !== undefined) {
      await writeDemoPassphrase(offline, demo);
      made.push(DEMO_PASSPHRASE_FILE);
    }
    await writeKeys(offline, plan.offlineKeys, offlinePassphrase, random);
    made.push(...plan.offlineKeys.map(({ purpose }) => keyFileName(purpose)));
    await createLedger(root, offline, plan, online, random);
  } catch (error) {
    // Keys of a ledger that does not exist would only stand in the way of the next attempt.
    // What is told is why it failed, not that tidying up did, too.
    for (const name of made.toReversed()) {
      await rm(join(offline, name), { force: true }).catch(() => undefined);
    }
    if (!hadFolder) await rmdir(offline).catch(() => undefined);
    throw error;
  }
  return offline;
}

function policyFrom({ conflict, snapshotHashes, classicMs }: InitOptions): Partial<Policy> {
  return {
    ...(conflict === undefined ? {} : { conflict }),
    ...(snapshotHashes === undefined ? {} : { snapshot_hashes: snapshotHashes }),
    ...(classicMs === undefined ? {} : { classic_ms: classicMs }),
  };
}

async function writeDemoPassphrase(directory: string, passphrase: string): Promise<void> {
  const bytes = Buffer.from(`${passphrase}\n`);
  await rm(join(directory, DEMO_PASSPHRASE_FILE), { force: true });
  await writePrivateFiles(directory, [{ name: DEMO_PASSPHRASE_FILE, bytes }]);
}

/** What a person is told after it. */
export function initReport(directory: string, offline: string, isDemo: boolean): string {
  const lines = [
    `Made a ledger in ${resolve(directory)}.`,
    `Its offline keys (root 2 of 3, targets 2 of 2, bins 2 of 2, operators 2 of 3) are in ${offline}:`,
    'move that folder to a machine that is never connected, and keep two copies.',
  ];
  const serve = `  npx tidemark serve ${directory}`;
  if (isDemo) {
    const file = join(offline, DEMO_PASSPHRASE_FILE);
    lines.push(
      '',
      `--yes: a passphrase was made up and written to ${file}.`,
      'Whoever reads that file holds every key of this ledger: use it for trying out, never for an index.',
      '',
      'Next:',
      `  export TIDEMARK_PASSPHRASE_FILE=${file}`,
      serve,
    );
  } else {
    lines.push('', 'Next:', serve);
  }
  return lines.join('\n');
}

function random(bytes: number): Uint8Array {
  return randomBytes(bytes);
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RejectedInput('option.number', `${option} needs a whole number, not ${text}`);
}

function nameFrom(root: string): string {
  const name = basename(root)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name === '' ? 'ledger' : name.slice(0, 64);
}

async function ask(title: string): Promise<string> {
  return readPassphrase({
    title,
    creating: true,
    environment: process.env,
    input: process.stdin,
    output: process.stderr,
    warn: (message) => console.error(`tidemark: ${message}`),
  });
}
