/** What the page knows of the ledger, kept up to date while somebody looks at it. */
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { parseRoot, parseTargets, parseTimestamp, type Role, type Targets } from '@tidemark/tuf';
import { signal } from '@preact/signals';
import { fetchBytes, fetchJson, fetchWelcome, serverNow } from './server.ts';

/** A snapshot as far as the page shows it. */
export interface Snapshot {
  readonly n: number;
  /** Of its cut, milliseconds since 1970. */
  readonly time: number;
  /** The number of the one before; 0 for the first. */
  readonly before: number;
  readonly changes: readonly Change[];
  /** It changed more than is listed here. */
  readonly more: boolean;
}

export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'yanked' | 'removed';
}

export interface RoleRow {
  readonly name: string;
  readonly version: number;
  readonly expiresMs: number;
  readonly keys: string;
}

export interface About {
  readonly name: string;
  readonly id: string;
  readonly bins: number;
  readonly roles: readonly RoleRow[];
}

export type Health =
  | { readonly state: 'asking' | 'ready' }
  | { readonly state: 'silent' | 'not ready'; readonly why: string };

export const about = signal<About | undefined>(undefined);
/** Newest first, without a gap. */
export const snapshots = signal<readonly Snapshot[]>([]);
export const health = signal<Health>({ state: 'asking' });
/** The server's time, renewed every second. */
export const now = signal(serverNow());

const TICK_MS = 1_000;
const HEALTH_TICKS = 5;
const ABOUT_TICKS = 30;
/** Changes asked for of one snapshot. */
const CHANGES_MAX = 100;
/** Snapshots asked for at once; where more were missed, the page starts over with these. */
const WALK_MAX = 8;
const KEPT_MAX = 2_400;
/** Longer files of roles are fetched for a verification alone: a list of 16,384 bins is 2 MB. */
const FILE_BYTES_MAX = 256 << 10;

/** Follows the ledger for ever; rests while nobody can see the page. */
export async function follow(): Promise<never> {
  for (let tick = 0; ; tick++) {
    if (document.visibilityState === 'visible') await look(tick);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

async function look(tick: number): Promise<void> {
  now.value = serverNow();
  try {
    const silent = health.value.state === 'silent';
    await Promise.all([
      tick % HEALTH_TICKS === 0 || silent ? askHealth() : undefined,
      askSnapshots(),
      tick % ABOUT_TICKS === 0 || about.value === undefined ? askAbout() : undefined,
    ]);
  } catch (error) {
    if (!(error instanceof OperatingFault || error instanceof RejectedInput)) throw error;
    // An answer that is refused says that somebody is there: what they say of their health stands.
    if (error.code !== 'page.refused') health.value = { state: 'silent', why: error.message };
  }
}

interface ReadyJson {
  readonly ready: boolean;
  readonly reasons: readonly { readonly detail: string }[];
}

async function askHealth(): Promise<void> {
  const { ready, reasons } = await fetchJson<ReadyJson>('readyz');
  const why = reasons.map(({ detail }) => detail).join('; ');
  health.value = ready ? { state: 'ready' } : { state: 'not ready', why };
}

interface SnapshotJson {
  readonly snapshot: number;
  readonly before: number;
  readonly time: string;
  readonly versions: { readonly root: number };
}
interface ChangesJson {
  readonly changes: readonly {
    readonly path: string;
    readonly target: { readonly custom?: { readonly yanked?: unknown } } | null;
  }[];
  readonly more: boolean;
}

/** Walks from the newest snapshot back to those that are known. */
async function askSnapshots(): Promise<void> {
  const known = snapshots.value;
  const last = known[0]?.n ?? 0;
  let next = await fetchJson<SnapshotJson>('v1/snapshots/newest');
  if (next.snapshot === last) return;
  const found: Snapshot[] = [];
  while (next.snapshot > last && found.length < WALK_MAX) {
    found.push(await withChanges(next));
    // Nobody waits for all of them to see the first.
    if (known.length === 0) snapshots.value = [...found];
    if (next.before === 0 || next.before <= last) break;
    next = await fetchJson<SnapshotJson>(`v1/snapshots/${next.before}`);
  }
  const joins = found.at(-1)?.before === last;
  snapshots.value = [...found, ...(joins ? known : [])].slice(0, KEPT_MAX);
}

async function withChanges({ snapshot: n, before, time }: SnapshotJson): Promise<Snapshot> {
  const query = `v1/snapshots/${n}/changes?limit=${CHANGES_MAX}`;
  const { changes, more } = await fetchJson<ChangesJson>(query);
  return {
    n,
    before,
    time: Date.parse(time),
    changes: changes.map(({ path, target }) => ({ path, kind: kindOf(target) })),
    more,
  };
}

function kindOf(target: ChangesJson['changes'][number]['target']): Change['kind'] {
  if (target === null) return 'removed';
  return target.custom?.yanked === undefined ? 'added' : 'yanked';
}

/** The central roles; what they say is shown as it is, and judged where a path is verified. */
async function askAbout(): Promise<void> {
  const [text, stamp] = await Promise.all([fetchWelcome(), fetchBytes('metadata/timestamp.json')]);
  const timestamp = parseTimestamp(stamp).signed;
  const snapshot = await fetchJson<SnapshotJson>(`v1/snapshots/${timestamp.version}`);
  const fileOf = async (role: string): Promise<Targets | undefined> => {
    const { leaf_contents } = await fetchJson<MapJson>(
      `merkle/${timestamp.merkleRoot}/${role}.json`,
    );
    const entry = leaf_contents[`${role}.json`];
    if (entry === undefined || entry.length > FILE_BYTES_MAX) return undefined;
    return parseTargets(await fetchBytes(`metadata/${entry.version}.${role}.json`)).signed;
  };
  const [rootFile, targets, bins] = await Promise.all([
    fetchBytes(`metadata/${snapshot.versions.root}.root.json`),
    fileOf('targets'),
    fileOf('bins'),
  ]);
  const root = parseRoot(rootFile).signed;
  const ofBins = targets?.delegations?.roles?.find(({ name }) => name === 'bins');
  about.value = {
    name: /^Tidemark ledger (.+)$/m.exec(text)?.[1] ?? '',
    id: root.tidemark?.ledger ?? '',
    bins: Number(/\b(\d+) bins$/m.exec(text)?.[1] ?? Number.NaN),
    roles: [
      rowOf('root', root, root.roles.root),
      rowOf('timestamp', timestamp, root.roles.timestamp),
      ...(targets === undefined ? [] : [rowOf('targets', targets, root.roles.targets)]),
      ...(bins === undefined || ofBins === undefined ? [] : [rowOf('bins', bins, ofBins)]),
    ],
  };
}

interface EntryJson {
  readonly version: number;
  readonly length: number;
}
interface MapJson {
  readonly leaf_contents: Readonly<Record<string, EntryJson | undefined>>;
}

function rowOf(
  name: string,
  { version, expiresMs }: { readonly version: number; readonly expiresMs: number },
  { threshold, keyids }: Role,
): RoleRow {
  return { name, version, expiresMs, keys: `${threshold} of ${keyids.length}` };
}
