// What a ledger serves, all of it, so that two servers can be compared byte for byte.
import { setTimeout as delay } from 'node:timers/promises';
import { inParallel, sha256, type Answer, type Server } from './support.ts';

/** What a path answers: the SHA-256 of its bytes, or the status and code of a refusal. */
export type Served = ReadonlyMap<string, string>;

const AT_ONCE = 16;
const SETTLED_WITHIN_MS = 30_000;
/** Roles and targets that proofs and reads are asked of. */
const SAMPLES = 6;

interface Asks {
  /** Targets to ask for. */
  readonly paths?: readonly string[];
  /** Receipts whose outcome to ask for. */
  readonly receipts?: readonly string[];
  /** Every n-th snapshot.json is followed to the files it states; the newest always is. */
  readonly every?: number;
}

/**
 * Asks for everything up to the newest snapshot: each timestamp by number, the checkpoint, every
 * snapshot.json there is with the files it states, TAP 16 files, targets and outcomes.
 */
export async function everythingServed(server: Server, asks: Asks = {}): Promise<Served> {
  return askAll(server, await pathsServed(server, asks));
}

/** The same as {@link everythingServed} for a list of paths. */
export async function askAll(server: Server, paths: readonly string[]): Promise<Served> {
  const answers = await inParallel(paths, AT_ONCE, async (path) => {
    const { status, body } = await settled(server, path);
    if (status === 200) return [path, sha256(body)] as const;
    return [path, `${status} ${body.toString()}`] as const;
  });
  return new Map(answers);
}

/** Where two maps differ, as lines; a few are enough to see what is wrong. */
export function differences(
  expected: ReadonlyMap<string, string>,
  actual: ReadonlyMap<string, string>,
): string[] {
  const all = [...new Set([...expected.keys(), ...actual.keys()])];
  return all
    .filter((path) => expected.get(path) !== actual.get(path))
    .map((path) => `${path}: ${actual.get(path)} instead of ${expected.get(path)}`)
    .slice(0, 5);
}

/** The answer to a path, once the shards have folded what it is about. */
async function settled(server: Server, path: string): Promise<Answer> {
  for (const deadline = Date.now() + SETTLED_WITHIN_MS; ; await delay(20)) {
    const answer = await server.get(path);
    const isEarly = answer.status === 503 && answer.body.includes('"view.behind"');
    if (!isEarly || Date.now() > deadline) return answer;
  }
}

async function pathsServed(server: Server, asks: Asks): Promise<string[]> {
  const { paths = [], receipts = [], every = 1 } = asks;
  const newest = Number((await server.status())['snapshot']);
  const found = new Set(['/metadata/timestamp.json', '/log/checkpoint', '/metadata/1.root.json']);
  const classics = new Set<number>();
  for (let n = 1; n <= newest; n++) {
    const timestamp = (await jsonAt(server, `/metadata/${n}.timestamp.json`)) as Timestamp;
    found.add(`/metadata/${n}.timestamp.json`);
    const version = timestamp.signed.meta['snapshot.json'].version;
    if (n === newest || n % every === 0) classics.add(version);
    if (n !== newest && n !== Math.ceil(newest / 2)) continue;
    const roles = ['bin-00', 'bin-01', 'bin-2f', 'bin-3f', 'targets', 'bins'];
    for (const role of roles) found.add(`/merkle/${timestamp.signed.merkle_root}/${role}.json`);
    for (const path of paths.slice(0, 4 * SAMPLES)) found.add(`/v1/targets/${path}?at=${n}`);
  }
  for (const version of classics) {
    const { signed } = (await jsonAt(server, `/metadata/${version}.snapshot.json`)) as Snapshot;
    found.add(`/metadata/${version}.snapshot.json`);
    for (const [file, meta] of Object.entries(signed.meta)) {
      found.add(`/metadata/${meta.version}.${file}`);
    }
  }
  for (const receipt of receipts) found.add(`/v1/receipts/${receipt}`);
  return [...found];
}

/** The targets that a ledger lists now: path → canonical value, read from the bins' files. */
export async function targetsServed(server: Server): Promise<Map<string, string>> {
  const timestamp = (await jsonAt(server, '/metadata/timestamp.json')) as Timestamp;
  const { version } = timestamp.signed.meta['snapshot.json'];
  const snapshot = (await jsonAt(server, `/metadata/${version}.snapshot.json`)) as Snapshot;
  const bins = Object.entries(snapshot.signed.meta).filter(([file]) => file.startsWith('bin-'));
  const lists = await inParallel(bins, AT_ONCE, async ([file, meta]) => {
    const role = await jsonAt(server, `/metadata/${meta.version}.${file}`);
    return Object.entries((role as Targets).signed.targets);
  });
  return new Map(lists.flat().map(([path, value]) => [path, JSON.stringify(value)]));
}

async function jsonAt(server: Server, path: string): Promise<unknown> {
  const { status, body } = await settled(server, path);
  if (status !== 200) throw new Error(`${path}: ${status} ${body.toString()}`);
  return JSON.parse(body.toString());
}

interface Timestamp {
  readonly signed: {
    readonly merkle_root: string;
    readonly meta: { readonly 'snapshot.json': { readonly version: number } };
  };
}

interface Snapshot {
  readonly signed: { readonly meta: Readonly<Record<string, { readonly version: number }>> };
}

interface Targets {
  readonly signed: { readonly targets: Readonly<Record<string, unknown>> };
}
