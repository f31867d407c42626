/** Going on from a checkpoint of the control log: the same decisions as from offset 0, and few records read. */
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { decodeRecord, encodeRecord, recordHash } from '@tidemark/event';
import { memoryLogs, type Log } from '@tidemark/log';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkpointAt,
  ControlFold,
  resumeControl,
  ROW,
  rowKey,
  Rows,
  type ControlChange,
  type ControlCheckpoint,
  type Cut,
  type View,
} from '../src/index.ts';
import { putCheckpoint } from '../src/controlCheckpoint.ts';
import { codeOfAsync, memoryDb } from './support.ts';
import { keyOf, ROOT_KEYS, TestLedger } from './testLedger.ts';

/** What a fold decided about a record, and where it stands behind it; as text, with documents by their hashes. */
interface Step {
  readonly change: ControlChange | undefined;
  readonly decided: string;
  readonly state: string;
}

function stepOf(fold: ControlFold, record: Uint8Array): Step {
  const change = fold.apply(record);
  return { change, decided: decidedIn(change), state: stateOf(fold) };
}

function stateOf({ last, settled, view }: ControlFold): string {
  return JSON.stringify({ last, settled, view: stated(view) });
}

/** Checkpoints apart: which one a cut carries depends on where a fold began. */
function decidedIn(change: ControlChange | undefined): string {
  if (change?.type === 'view') return JSON.stringify(stated(change.view));
  if (change?.type !== 'cut') return JSON.stringify(change) ?? '';
  const { checkpoint: _, view, ...cut } = change.cut;
  return JSON.stringify({ ...cut, view: stated(view) });
}

function stated({ policy, policyVersion, services, servicesVersion, documents }: View): unknown {
  const { root, targets, bins } = documents;
  const hashes = [root, targets, bins].map((document) => document?.sha256);
  return { policy, policyVersion, services, servicesVersion, hashes };
}

async function logOf(ledger: TestLedger): Promise<Log> {
  const { control } = memoryLogs(1);
  await control.append(0, ledger.records);
  return control;
}

async function resumed(ledger: TestLedger, checkpoint: ControlCheckpoint): Promise<ControlFold> {
  const fold = new ControlFold(ledger.genesis, recordHash(ledger.genesisBytes));
  await resumeControl(fold, checkpoint, await logOf(ledger));
  return fold;
}

describe('from every checkpoint that a cut carries', () => {
  type Action = (ledger: TestLedger, i: number) => void;
  const tried = (run: Action): Action => {
    return (ledger, i) => {
      try {
        run(ledger, i);
      } catch {
        // A cut that may not be made now: the record is in the log all the same.
      }
    };
  };
  /** A document as three parts, however short it is. */
  const parts = (document: Uint8Array, role: 'root' | 'targets'): Uint8Array[] => {
    const name = role === 'root' ? ({ kind: 'root' } as const) : ({ kind: 'role', role } as const);
    const text = Buffer.from(document).toString();
    const [one, two] = [Math.floor(text.length / 3), Math.floor(text.length / 2)];
    const pieces = [text.slice(0, one), text.slice(one, two), text.slice(two)];
    const sha256 = sha256HexNative(document);
    return pieces.map((data, i) =>
      encodeRecord({ type: 'part', v: 1, ...name, sha256, i, k: 3, data }),
    );
  };
  const version = (ledger: TestLedger, role: 'root' | 'targets' | 'bins'): number =>
    ledger.fold.view.documents[role]!.version + 1;
  const ACTIONS: readonly (readonly [weight: number, act: Action])[] = [
    [6, (ledger) => void ledger.cut()],
    [4, tried((ledger) => void ledger.cutAlone())],
    [2, tried((ledger) => void ledger.cutAlone({ control: ledger.fold.last.control }))],
    [3, (ledger) => void ledger.seal(ledger.fold.settled + 1)],
    [1, (ledger) => void ledger.seal(Math.max(1, ledger.fold.settled))],
    [2, (ledger) => void ledger.void(ledger.fold.settled + 1)],
    [1, (ledger, i) => void ledger.append(utf8(`junk ${i}`))],
    [1, (ledger) => void ledger.policy(ledger.fold.view.policyVersion + 1, { classic_ms: 0 })],
    [1, (ledger) => void ledger.policy(ledger.fold.view.policyVersion, { classic_ms: 1 })],
    [
      1,
      (ledger, i) => {
        const intake = [keyOf(`intake ${i}`).publicKey];
        ledger.services(ledger.fold.view.servicesVersion + 1, { intake });
      },
    ],
    [
      1,
      (ledger) => void ledger.document('root', ledger.root({ version: version(ledger, 'root') })),
    ],
    [1, (ledger) => void ledger.document('targets', ledger.targets(version(ledger, 'targets')))],
    [1, (ledger) => void ledger.document('bins', ledger.bins(version(ledger, 'bins')))],
    [1, (ledger) => void ledger.document('bins', ledger.bins(1))],
    [
      1,
      (ledger) => {
        const [first, ...rest] = parts(ledger.targets(version(ledger, 'targets')), 'targets');
        ledger.append(first!);
        ledger.cut();
        for (const part of rest) ledger.append(part);
      },
    ],
    [
      2,
      (ledger, i) => {
        const [first] = parts(ledger.root({ version: 2 + (i % 3) }), 'root');
        ledger.append(first!);
      },
    ],
    [
      1,
      (ledger) => {
        const root = ledger.root({ version: version(ledger, 'root') }, ROOT_KEYS.slice(1));
        for (const part of parts(root, 'root').toReversed()) ledger.append(part);
      },
    ],
  ];
  const bag = ACTIONS.flatMap(([weight, act]) => Array<Action>(weight).fill(act));

  test('a fold decides as one from offset 0', { timeout: 60_000 }, async () => {
    let checked = 0;
    let together = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(bag.length - 1), { minLength: 20, maxLength: 70 }),
        fc.integer({ min: 1, max: 4 }),
        async (picks, every) => {
          const ledger = TestLedger.ready();
          picks.forEach((pick, i) => bag[pick]!(ledger, i));
          const whole = new ControlFold(
            ledger.genesis,
            recordHash(ledger.genesisBytes),
            undefined,
            every,
          );
          const steps = ledger.records.map((record) => stepOf(whole, record));
          together += steps.filter(
            ({ change }, i) => change?.type === 'view' && isPart(ledger, i),
          ).length;
          const cuts = steps.flatMap(({ change }) => (change?.type === 'cut' ? [change.cut] : []));
          const carriers = new Map(cuts.map((cut) => [cut.checkpoint?.next, cut]));
          for (const cut of carriers.values()) {
            if (cut.checkpoint === undefined) continue;
            checked++;
            await expectSame(ledger, steps, cut);
          }
        },
      ),
      { numRuns: 30 },
    );
    expect(checked).toBeGreaterThan(30);
    expect(together).toBeGreaterThan(10);
  });

  function isPart(ledger: TestLedger, offset: number): boolean {
    return decodeRecord(ledger.records[offset]!).signed.type === 'part';
  }

  async function expectSame(ledger: TestLedger, steps: readonly Step[], of: Cut): Promise<void> {
    const { next } = of.checkpoint!;
    const fold = await resumed(ledger, of.checkpoint!);
    expect(stateOf(fold)).toBe(steps[next - 1]!.state);
    const base = fold.settled;
    for (let offset = next; offset < steps.length; offset++) {
      const own = stepOf(fold, ledger.records[offset]!);
      const theirs = steps[offset]!;
      // Numbers settled before it, and the cuts that no state is opened at, are nothing that is asked about.
      const { change } = theirs;
      if (change?.type === 'sealed' && change.sealed.n <= base) {
        expect(own.state).toBe(theirs.state);
        continue;
      }
      if (change?.type === 'cut' && change.cut.control < next) {
        expect(change.cut.n).toBeLessThan(of.n);
        expect(own.change).toMatchObject({
          type: 'cut',
          cut: { hash: change.cut.hash, digest: '' },
        });
        continue;
      }
      expect([own.decided, own.state]).toEqual([theirs.decided, theirs.state]);
    }
  }
});

/** A ledger with some history, and the last cut of it that carries a checkpoint. */
function aged(cuts: number): { ledger: TestLedger; cut: Cut; checkpoint: ControlCheckpoint } {
  const ledger = TestLedger.ready();
  ledger.policy(1, { classic_ms: 0 });
  for (let n = 1; n <= cuts; n++) {
    ledger.cut();
    if (n === 300) ledger.services(1, { intake: [keyOf('intake 2').publicKey] });
  }
  const cut = ledger.cut();
  return { ledger, cut, checkpoint: cut.checkpoint! };
}

describe('a checkpoint', () => {
  test('is read in as many records as are kept and behind it, whatever the log holds', async () => {
    const reads: number[] = [];
    for (const cuts of [520, 1030]) {
      const { ledger, cut, checkpoint } = aged(cuts);
      expect(checkpoint.kept).toHaveLength(5);
      const log = await logOf(ledger);
      let read = 0;
      const counted: Log = {
        append: async (...what) => log.append(...what),
        end: async (partition) => log.end(partition),
        // One record at a time, which a log may do: so that only those asked for are counted.
        read: async (partition, from, signal) => {
          const { first, records } = await log.read(partition, from, signal);
          read++;
          return { first, records: records.slice(0, 1) };
        },
      };
      const fold = new ControlFold(ledger.genesis, recordHash(ledger.genesisBytes));
      await resumeControl(fold, checkpoint, counted);
      reads.push(read);
      let last: ControlChange | undefined;
      while (fold.next < ledger.records.length)
        last = fold.apply(ledger.records[fold.next]!) ?? last;
      expect(last).toEqual({ type: 'cut', cut });
      expect(ledger.records.length - checkpoint.next).toBeLessThan(2 * 2 * 256);
    }
    expect(reads).toEqual([7, 7]);
  });

  test('with something left out, or moved, leads to another digest or to none', async () => {
    const { ledger, cut, checkpoint } = aged(520);
    const { next, kept, cuts } = checkpoint;
    const forged: ControlCheckpoint[] = [
      ...kept.map((_, i) => ({ ...checkpoint, kept: kept.toSpliced(i, 1) })),
      { ...checkpoint, kept: [...kept, cuts[0]! - 1] },
      { ...checkpoint, kept: kept.toReversed() },
      { ...checkpoint, cuts: [cuts[0]! - 2] },
      { ...checkpoint, cuts: [] },
      { ...checkpoint, cuts: [next - 1] },
      { ...checkpoint, next: next + 1 },
      { ...checkpoint, next: next + 2 },
      { ...checkpoint, next: cut.control + 1 },
      // These come to the same state: one reads the `sealed` record once more, one was taken a cut later.
      { ...checkpoint, next: next - 1 },
      { next: next + 2, kept, cuts: cuts.map((offset) => offset + 2) },
    ];
    const verdicts = await Promise.all(
      forged
        .map(async (each) => {
          const digests = digestsOf(await resumed(ledger, each), ledger, cut);
          return digests.includes(cut.digest);
        })
        .map(async (verdict) =>
          verdict.catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'state.control' });
            return false;
          }),
        ),
    );
    expect(verdicts).toEqual([...Array<boolean>(forged.length - 2).fill(false), true, true]);
    expect(digestsOf(await resumed(ledger, checkpoint), ledger, cut)).toEqual([cut.digest]);
  });

  function digestsOf(fold: ControlFold, { records }: TestLedger, { hash }: Cut): string[] {
    return records.slice(fold.next).flatMap((record) => {
      const change = fold.apply(record);
      return change?.type === 'cut' && change.cut.hash === hash ? [change.cut.digest] : [];
    });
  }

  test('of a longer log than there is means that records are lost', async () => {
    const { ledger, checkpoint } = aged(300);
    const run = resumed(ledger, { ...checkpoint, next: ledger.records.length + 1 });
    expect(await codeOfAsync(run)).toBe('BrokenInvariant log.truncated');
  });

  test('is stored with its cut, and the newest two are kept', async () => {
    const db = await memoryDb();
    const rows = new Rows(db, 'test');
    const at = (next: number): ControlCheckpoint => ({ next, kept: [1, 2], cuts: [next - 2] });
    const { cut } = aged(1);
    for (const n of [3, 7, 9]) {
      await putCheckpoint(rows, { ...cut, n, checkpoint: at(10 * n) });
      await rows.flush();
    }
    expect(await checkpointAt(rows, 6)).toBeUndefined();
    expect(await checkpointAt(rows, 8)).toEqual(at(70));
    expect(await checkpointAt(rows, 9)).toEqual(at(90));
    expect(await db.keys().all()).toHaveLength(2);
    rows.put(rowKey(ROW.control, 0, 11), utf8('{"next":1,"kept":[],"cuts":["1"]}'));
    await rows.flush();
    expect(await codeOfAsync(checkpointAt(rows, 11))).toBe('BrokenInvariant state.control');
  });
});
