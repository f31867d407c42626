/** Going on from a checkpoint of the control log: the same decisions as from offset 0, and few records read. */
import { utf8 } from '@tidemark/canonical';
import { encodeRecord, recordHash, splitDocument } from '@tidemark/event';
import { memoryLogs, type Log } from '@tidemark/log';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ControlFold,
  resumeControl,
  type ControlChange,
  type ControlCheckpoint,
  type Cut,
} from '../src/index.ts';
import { keyOf, ROOT_KEYS, TestLedger } from './support.ts';

/** What a fold decided about the record at an offset, and where it stands behind it. */
interface Step {
  readonly change: ControlChange | undefined;
  readonly state: unknown;
}

function stepOf(fold: ControlFold, record: Uint8Array): Step {
  const change = fold.apply(record);
  const { last, settled, view } = fold;
  return { change, state: { last, settled, view } };
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

/** Cuts are compared but for the checkpoints that they carry: those depend on where a fold began. */
function decided({ change, state }: Step): unknown {
  if (change?.type !== 'cut') return { change, state };
  const { checkpoint: _, ...cut } = change.cut;
  return { change: { type: 'cut', cut }, state };
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
  /** A document as its parts, whose number is fixed by the room that a long text takes. */
  const parts = (document: Uint8Array, name: 'root' | 'targets'): Uint8Array[] => {
    const padded = utf8(`${Buffer.from(document).toString()}${' '.repeat(70_000)}`);
    const kind =
      name === 'root' ? ({ kind: 'root' } as const) : { kind: 'role' as const, role: name };
    return splitDocument(kind, padded).map((record) => encodeRecord(record));
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
        for (const part of parts(ledger.targets(version(ledger, 'targets')), 'targets')) {
          ledger.append(part);
        }
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

  test('a fold decides as one from offset 0', { timeout: 120_000 }, async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(bag.length - 1), { minLength: 20, maxLength: 50 }),
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
          const cuts = steps.flatMap(({ change }) => (change?.type === 'cut' ? [change.cut] : []));
          const carriers = new Map(cuts.map((cut) => [cut.checkpoint?.next, cut]));
          for (const cut of [...carriers.values()].slice(0, 4)) {
            if (cut.checkpoint === undefined) continue;
            checked++;
            await expectSame(ledger, steps, cut);
          }
        },
      ),
      { numRuns: 12 },
    );
    expect(checked).toBeGreaterThan(8);
  });

  async function expectSame(ledger: TestLedger, steps: readonly Step[], of: Cut): Promise<void> {
    const { next } = of.checkpoint!;
    const fold = await resumed(ledger, of.checkpoint!);
    const { last, settled, view } = fold;
    expect({ last, settled, view }).toEqual(steps[next - 1]!.state);
    const base = settled;
    for (let offset = next; offset < steps.length; offset++) {
      const own = stepOf(fold, ledger.records[offset]!);
      const theirs = steps[offset]!;
      // Numbers settled before it, and the cuts that no state is opened at, are nothing that is asked about.
      const { change } = theirs;
      if (change?.type === 'sealed' && change.sealed.n <= base) {
        expect(own.state).toEqual(theirs.state);
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
      expect(decided(own)).toEqual(decided(theirs));
    }
  }
});
