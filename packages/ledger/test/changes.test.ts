/** What cuts changed, read back: the same, added up, as what the bins list; whole or in pieces. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BinFile, PartitionView } from '../src/index.ts';
import { PartitionRun } from './partitionRun.ts';
import { codeOf, T0 } from './support.ts';
import { TestLedger } from './testLedger.ts';
import { added, batch, pathsOf, removed, yanked } from './uploads.ts';

const PATHS = pathsOf(0, 1, 5);
const FROM_START = { bin: 0, op: 0 };

const event = fc
  .record({
    id: fc.nat({ max: 1000 }).map((i) => `id-${i}`),
    path: fc.constantFrom(...PATHS),
    type: fc.constantFrom('add', 'add', 'remove', 'yank'),
    content: fc.constantFrom('one', 'two'),
  })
  .map(({ id, path, type, content }) => {
    if (type === 'add') return added(id, path, content);
    return type === 'remove' ? removed(id, path) : yanked(id, path);
  });
const cuts = fc.array(fc.array(event, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 6,
});

async function folded(steps: readonly (readonly ReturnType<typeof added>[])[]) {
  const ledger = TestLedger.ready();
  const run = await PartitionRun.open(ledger);
  let seq = 0;
  for (const events of steps) await run.add([batch(events, { seq: seq++, time: T0 })]);
  return run;
}

describe('changes', () => {
  test('added up are what the bins list', async () => {
    await fc.assert(
      fc.asyncProperty(cuts, async (steps) => {
        const run = await folded(steps);
        const view = new PartitionView(run.partition);
        const listed = new Map<string, string>();
        for (let n = 1; n <= steps.length; n++) {
          const { changes, next } = view.changedTargets(n, FROM_START, 1000);
          expect(next).toBe(undefined);
          for (const { path, value, bin, version } of changes) {
            if (value === null) listed.delete(path);
            else listed.set(path, value);
            expect(view.file(roleOf(bin), version, n)).toBeDefined();
          }
        }
        expect(listed).toEqual(listedIn(run));
      }),
      { numRuns: 30 },
    );
  });

  test('in pieces of any size are the same', async () => {
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 1, max: 4 }), async (steps, size) => {
        const view = new PartitionView((await folded(steps)).partition);
        for (let n = 1; n <= steps.length; n++) {
          const whole = view.changedTargets(n, FROM_START, 1000).changes;
          const pieces = [];
          for (let at: typeof FROM_START | undefined = FROM_START; at !== undefined;) {
            const { changes, next }: ReturnType<typeof view.changedTargets> = view.changedTargets(
              n,
              at,
              size,
            );
            expect(changes.length).toBeLessThanOrEqual(size);
            pieces.push(...changes);
            at = next;
          }
          expect(pieces).toEqual(whole);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('of events that were refused there are none, and none of a cut that is not there', async () => {
    const [path = ''] = PATHS;
    const run = await folded([[added('a', path, 'one')], [added('b', path, 'two')]]);
    const view = new PartitionView(run.partition);
    expect(view.changedTargets(1, FROM_START, 9).changes.map((each) => each.path)).toEqual([path]);
    expect(view.changedTargets(2, FROM_START, 9)).toEqual({ changes: [], next: undefined });
    expect(codeOf(() => view.changedTargets(3, FROM_START, 9))).toBe('OperatingFault view.behind');
    expect(codeOf(() => view.changedTargets(0, FROM_START, 9))).toBe('RejectedInput view.past');
  });
});

function roleOf(bin: number): string {
  return `bin-${bin.toString(16)}`;
}

function listedIn(run: PartitionRun): Map<string, string> {
  const listed = new Map<string, string>();
  for (const text of run.files().values()) {
    const bin = BinFile.parse(Buffer.from(text, 'latin1'));
    for (const path of bin.paths()) listed.set(path, bin.get(path)!);
  }
  return listed;
}
