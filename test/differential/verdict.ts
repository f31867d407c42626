// What a client thinks of one visit, in one shape for both clients.

/** Undefined where it is content, or why not. */
export type Refusal = string | undefined;

export interface TargetVerdict {
  readonly path: string;
  readonly refused?: Refusal;
  /** Length, hashes and custom as listed; absent where nobody lists the path. */
  readonly found?: string;
  /** Why its bytes were refused. */
  readonly download?: Refusal;
}

export interface Verdict {
  readonly refused?: Refusal;
  /** What lies in the store afterwards: the SHA-256 of each file, by name. */
  readonly store: Readonly<Record<string, string>>;
  readonly targets: readonly TargetVerdict[];
}

export interface Difference {
  /** Which visit. */
  readonly visit: number;
  readonly what: 'refresh' | 'store' | 'target' | 'download';
  readonly path?: string;
  /** `ok`, `absent`, `refused: CODE`, or what was found. */
  readonly ours: string;
  readonly theirs: string;
}

/** The first thing in which two verdicts differ: whether they refuse, not why. */
export function differenceOf(
  visit: number,
  ours: Verdict,
  theirs: Verdict,
): Difference | undefined {
  const refresh = told('refresh', ours.refused, theirs.refused);
  if (refresh) return { visit, ...refresh };
  for (const [i, target] of ours.targets.entries()) {
    const other = theirs.targets[i]!;
    const { path } = target;
    const found = told('target', target.refused, other.refused, target.found, other.found);
    const download = told('download', target.download, other.download);
    if (found ?? download) return { visit, path, ...(found ?? download)! };
  }
  const [own, others] = [listing(ours), listing(theirs)];
  return own === others ? undefined : { visit, what: 'store', ours: own, theirs: others };
}

function told(
  what: Difference['what'],
  ours: Refusal,
  theirs: Refusal,
  found = 'absent',
  foundByThem = 'absent',
): Omit<Difference, 'visit'> | undefined {
  const good = what === 'target' ? [found, foundByThem] : ['ok', 'ok'];
  const [own, others] = [ours, theirs].map((refusal, i) => {
    return refusal === undefined ? good[i]! : `refused: ${refusal}`;
  });
  const isSame = ours === undefined ? own === others : theirs !== undefined;
  return isSame ? undefined : { what, ours: own!, theirs: others! };
}

function listing({ store }: Verdict): string {
  return Object.entries(store)
    .map(([name, hash]) => `${name} ${hash.slice(0, 8)}`)
    .toSorted()
    .join(', ');
}
