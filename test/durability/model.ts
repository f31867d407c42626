// What the events of a log come to, by the rules as README states them: written apart from the fold,
// so that the two can be compared.
import { openLevelLogs } from '@tidemark/log';

export interface Modelled {
  /** Path → canonical JSON of its target. */
  readonly targets: ReadonlyMap<string, string>;
  /** `PARTITION/OFFSET/INDEX` → what became of the event there. */
  readonly fates: ReadonlyMap<string, ModelledEvent>;
}

export interface ModelledEvent {
  readonly id: string;
  readonly state: 'applied' | 'unchanged' | 'rejected';
  readonly code?: string;
  /** Of a duplicate: where the event was first, `OFFSET/INDEX`. */
  readonly first?: string;
}

interface EventInLog {
  readonly id: string;
  readonly type: 'target.added' | 'target.removed' | 'target.yanked';
  readonly path: string;
  readonly length?: number;
  readonly hashes?: { readonly sha256: string };
}

interface Batch {
  readonly type: string;
  readonly intake: string;
  readonly seq: number;
  readonly events: readonly EventInLog[];
}

/** Folds the events log of a stopped ledger whose policy is `replace`; events bear no `custom`. */
export async function modelOf(logFolder: string, partitions: number): Promise<Modelled> {
  await using logs = await openLevelLogs(logFolder, { partitions });
  const targets = new Map<string, string>();
  const fates = new Map<string, ModelledEvent>();
  for (let partition = 0; partition < partitions; partition++) {
    const seen = new Map<string, { content: string; place: string }>();
    const runs = new Map<string, number>();
    const end = await logs.events.end(partition);
    for (let offset = 1; offset < end;) {
      const { records } = await logs.events.read(partition, offset);
      for (const bytes of records) {
        const { signed } = JSON.parse(Buffer.from(bytes).toString()) as { signed: Batch };
        // The same batch once more: a resend after an unknown outcome.
        if (signed.seq > (runs.get(signed.intake) ?? -1)) {
          runs.set(signed.intake, signed.seq);
          signed.events.forEach((event, index) => {
            const place = `${offset}/${index}`;
            fates.set(`${partition}/${place}`, fateOf(event, place, seen, targets));
          });
        }
        offset++;
      }
    }
  }
  return { targets, fates };
}

function fateOf(
  event: EventInLog,
  place: string,
  seen: Map<string, { content: string; place: string }>,
  targets: Map<string, string>,
): ModelledEvent {
  const { id, type, path, length, hashes } = event;
  const key = `${id} ${path}`;
  const content = JSON.stringify([type, length, hashes]);
  const before = seen.get(key);
  if (before !== undefined && before.content !== content) {
    return { id, state: 'rejected', code: 'id_reused' };
  }
  if (before !== undefined)
    return { id, state: 'unchanged', code: 'duplicate', first: before.place };
  seen.set(key, { content, place });
  const held = targets.get(path);
  if (type === 'target.added') {
    const value = JSON.stringify({ hashes, length });
    const isYanked = held !== undefined && held.includes('"yanked"');
    const same = isYanked ? held === yanked(value) : held === value;
    if (same) return { id, state: 'unchanged', code: 'unchanged' };
    targets.set(path, value);
    return { id, state: 'applied' };
  }
  if (held === undefined) return { id, state: 'rejected', code: 'absent' };
  if (type === 'target.removed') {
    targets.delete(path);
    return { id, state: 'applied' };
  }
  if (held.includes('"yanked"')) return { id, state: 'unchanged', code: 'unchanged' };
  targets.set(path, yanked(held));
  return { id, state: 'applied' };
}

function yanked(value: string): string {
  return value.replace('{', '{"custom":{"yanked":true},');
}
