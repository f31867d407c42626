// What every uploader relies on: durable, once, in order.
import { edit, type Mutant } from './mutant.ts';

const LEDGER = 'packages/ledger/src';
const CUT_FOLD = `${LEDGER}/cutFold.ts`;
const PARTITION = `${LEDGER}/partition.ts`;
const SEALER = 'services/publisher/src/sealer.ts';
const INTAKE = 'services/intake/src/intake.ts';

export const EVENTS: readonly Mutant[] = [
  {
    name: 'acknowledged before it is durable',
    rule: '§3: 202 after the append: durable in the events log',
    edits: [
      edit(
        INTAKE,
        `const stored = await appendSurely(events, this.partition, records, sleep, () => {
        isRepeated = true;
        return this.find(records[0]!, before);
      });`,
        `const stored = await events.append(this.partition, records).catch(() => before);`,
      ),
      edit(INTAKE, 'let isRepeated = false;', 'const isRepeated = sleep === undefined;'),
    ],
    breaks: ['I1'],
  },
  {
    name: 'a resend is another batch',
    rule: '§4: a resend after an unknown outcome is harmless',
    edits: [edit(CUT_FOLD, 'if (run !== undefined && signed.seq <= run.seq) {', 'if (false) {')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'events are forgotten',
    rule: '§5: (subject, event id, path) is remembered',
    edits: [edit(CUT_FOLD, 'if (seen !== undefined) {', 'if (false) {')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'an id is used twice',
    rule: '§5: same id, other content: rejected',
    edits: [edit(CUT_FOLD, 'seen.sameContent\n', 'seen\n')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'the window never ends',
    rule: '§5: for a window of cut time',
    edits: [
      edit(
        `${LEDGER}/windowRows.ts`,
        'this.since = Math.max(this.since, since);',
        'this.since = Math.max(this.since, since - 1e9);',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'the window goes back',
    rule: '§5: for a window of cut time',
    edits: [
      edit(
        `${LEDGER}/windowRows.ts`,
        'this.since = Math.max(this.since, since);',
        'this.since = since;',
      ),
    ],
    often: ['policy', 'batch again'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'the window begins at the cut',
    rule: '§5: events older than the window are rejected',
    edits: [edit(PARTITION, 'window.seal(fold.newest);', 'window.seal(cut.time);')],
    often: ['batch again', 'batch with a fast clock', 'batch of another run'],
    policy: { window_s: 60, clock_ahead_s: 3_600, intakes_max: 4 },
    breaks: ['I5', 'I6'],
  },
  {
    name: 'stale events count',
    rule: '§5: events older than the window are rejected `stale`',
    edits: [edit(CUT_FOLD, 'const isStale = time < this.state.since;', 'const isStale = false;')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'events of tomorrow count',
    rule: '§5: for a window of cut time',
    edits: [
      edit(
        CUT_FOLD,
        'if (isStale || time > this.cut.time + policy.clock_ahead_s * 1000) {',
        'if (isStale) {',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'expected is not looked at',
    rule: '§5: expected is decided in the fold',
    edits: [
      edit(
        `${LEDGER}/decide.ts`,
        'if (event.expected !== undefined && !meets(event.expected, current, held.version)) {',
        'if (false) {',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'content is replaced',
    rule: "§5: same path with other content: the ledger's policy",
    edits: [
      edit(`${LEDGER}/decide.ts`, "if (conflict === 'reject') return { code: 'conflict' };", ''),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'a cut leaves control out',
    rule: '§5: control = offset covered',
    edits: [edit(SEALER, 'if (end > control.next) return false;', '')],
    often: ['new intake'],
    breaks: ['I1'],
  },
];
