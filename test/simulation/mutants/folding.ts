// Versions, renewal, and that everybody folds the same.
import { edit, type Mutant } from './mutant.ts';

const LEDGER = 'packages/ledger/src';
const CONTROL = `${LEDGER}/control.ts`;
const PARTITION = `${LEDGER}/partition.ts`;
const RUNNER = 'services/shard/src/partitionRunner.ts';
const PUBLISHER_FOLD = 'services/publisher/src/publisherFold.ts';
const SEALER = 'services/publisher/src/sealer.ts';

export const FOLDING: readonly Mutant[] = [
  {
    name: 'versions of all partitions',
    rule: '§5: version k·P + p + 1',
    edits: [edit(`${LEDGER}/binWriter.ts`, 'this.step = genesis.partitions;', 'this.step = 1;')],
    breaks: ['versions'],
  },
  {
    name: 'versions begin anew',
    rule: '§5: k counts the role versions partition p ever signed',
    edits: [
      edit(
        PARTITION,
        'this.writer = new BinWriter(writes, genesis, partition, marker?.k ?? 0);',
        'this.writer = new BinWriter(writes, genesis, partition, marker?.k0 ?? 0);',
      ),
    ],
    breaks: ['versions'],
  },
  {
    name: 'nothing is renewed',
    rule: '§5: renewal of expiring roles is a function of cut time',
    edits: [
      edit(
        `${LEDGER}/renewal.ts`,
        'else if (all || renewalDue(first + i, expires[i]!, cut.view.policy) <= cut.time) {',
        'else if (all) {',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'renewal is not asked for',
    rule: '§5: idle, a cut is made for due renewals',
    edits: [
      edit(
        SEALER,
        'const renews = mayRenew && due <= Math.max(now, last.time);',
        'const renews = false && mayRenew;',
      ),
    ],
    breaks: ['renewal'],
  },
  {
    name: 'bins are not due',
    rule: '§5: a role within the safety margin is always renewed',
    edits: [
      edit(
        PUBLISHER_FOLD,
        'return Math.min(timestamp, snapshot, ...this.dues);',
        'return Math.min(timestamp, snapshot);',
      ),
    ],
    breaks: ['renewal'],
  },
  {
    name: 'timestamp is not due',
    rule: '§5: renewal at half of a role’s life',
    edits: [
      edit(
        PUBLISHER_FOLD,
        'return Math.min(timestamp, snapshot, ...this.dues);',
        'return Math.min(snapshot, ...this.dues);',
      ),
    ],
    breaks: ['renewal'],
  },
  {
    name: 'cuts without need',
    rule: '§5: idle, a cut is made only for due renewals',
    edits: [
      edit(
        SEALER,
        'if (!advances && !changed && !renews) return false;',
        'if (!advances && !changed && !mayRenew) return false;',
      ),
    ],
    breaks: ['rest'],
  },
  {
    name: 'sealer by its own clock',
    rule: '§5: sealers use max(clock, previous)',
    edits: [
      edit(
        SEALER,
        'const time = Math.min(Math.max(now, last.time), last.time + view.policy.step_max_ms);',
        'const time = Math.min(now, last.time + view.policy.step_max_ms);',
      ),
    ],
    often: ['skew'],
    breaks: ['rest'],
  },
  {
    name: 'sealer takes any step',
    rule: '§5: after a longer pause empty cuts catch up',
    edits: [
      edit(
        SEALER,
        'const time = Math.min(Math.max(now, last.time), last.time + view.policy.step_max_ms);',
        'const time = Math.max(now, last.time);',
      ),
    ],
    breaks: ['rest'],
  },
  {
    name: 'bins by the clock',
    rule: '§5: no clock: expiry = cut time + policy',
    edits: [
      edit(
        `${LEDGER}/binWriter.ts`,
        'const expires = Math.floor(cut.time / 1000) + lifeSeconds;',
        'const expires = Math.floor(performance.now()) + lifeSeconds;',
      ),
    ],
    breaks: ['I5', 'halt'],
  },
  {
    name: 'order of a map',
    rule: '§5: no map order',
    edits: [
      edit(
        `${LEDGER}/binOps.ts`,
        '({ bin, ops: this.pack(ordinals.toSorted(this.byPath)) })',
        '({ bin, ops: this.pack(ordinals) })',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'what is in force now',
    rule: '§5: cut: control = offset covered',
    edits: [edit(CONTROL, 'const view = state.viewAt(control);', 'const { view } = this;')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'another key for some bins',
    rule: '§9: re-sign over cuts',
    edits: [
      edit(
        PARTITION,
        'const dirty = withRenewals(fold.dirty(), this.heads, cut, keyid !== this.keyid);',
        'const dirty = withRenewals(fold.dirty(), this.heads, cut, this.keyid === "");',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'a snapshot without its map',
    rule: '§7: the tree over all slots, whose root is merkle_root',
    edits: [edit(PARTITION, 'tree.update(slots);', 'if (slots.length !== 1) tree.update(slots);')],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'committed before it is reported',
    rule: '§3: leaf records, then the subtree record; the state behind them',
    edits: [
      edit(
        RUNNER,
        'const first = logged ?? (await this.report(cut, folded));',
        'const first = logged;',
      ),
      edit(
        RUNNER,
        'await this.partition.commit(this.collector.position);',
        `await this.partition.commit(this.collector.position);
    if (logged === undefined) await this.report(cut, folded);`,
      ),
    ],
    often: ['crash'],
    breaks: ['halt'],
  },
  {
    name: 'a lost log goes unseen',
    rule: '§5: an end offset smaller than one seen before is truncation: halt',
    edits: [
      edit('packages/log/src/truncation.ts', 'if (end >= seen) return;', 'if (end >= 0) return;'),
      edit(
        'services/shard/src/truncation.ts',
        'if (last >= seen) return;',
        'if (last >= 0) return;',
      ),
    ],
    ending: 'truncation',
    breaks: ['truncation'],
  },
  {
    name: 'state is believed',
    rule: '§6: state that was tampered with cannot pass for the state that was signed',
    edits: [
      edit(
        'services/shard/src/shard.ts',
        'if (!this.isVouched) await this.demandVouched();',
        'this.isVouched = true;',
      ),
    ],
    often: ['forged state'],
    breaks: ['halt'],
  },
  {
    name: 'replicas are not compared',
    rule: '§5: a replica that differs from what is in the log never emits its own',
    edits: [
      edit(RUNNER, 'if (first !== undefined) demandEqual(first, folded);', 'void demandEqual;'),
      edit(
        'services/shard/src/shard.ts',
        'if (!this.isVouched) await this.demandVouched();',
        'this.isVouched = true;',
      ),
    ],
    often: ['forged state'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'checkpoints are believed',
    rule: '§6: state that was tampered with cannot pass for the state that was signed',
    edits: [
      edit(
        'services/shard/src/vouched.ts',
        'if (signed.control !== cut.digest) return false;',
        'void cut.digest;',
      ),
    ],
    often: ['forged state', 'policy', 'service key'],
    breaks: ['I5', 'halt'],
  },
];
