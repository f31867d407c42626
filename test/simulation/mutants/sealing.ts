// What makes one snapshot of a cut, and what takes one back.
import { edit, type Mutant } from './mutant.ts';

const LEDGER = 'packages/ledger/src';
const CHAIN = `${LEDGER}/cutChain.ts`;
const PARTITION = `${LEDGER}/partition.ts`;
const RUNNER = 'services/shard/src/partitionRunner.ts';
const PUBLISHER = 'services/publisher/src/publisher.ts';
const PUBLISHER_FOLD = 'services/publisher/src/publisherFold.ts';

export const SEALING: readonly Mutant[] = [
  {
    name: 'sealed is believed',
    rule: '§5: sealed is valid iff its leaf is what the fold gives',
    edits: [
      edit(
        PUBLISHER,
        'if (snapshot !== undefined && isSealOf(sealed, cut, snapshot)) return snapshot;',
        'if (snapshot !== undefined) return snapshot;',
      ),
    ],
    often: ['sealed with another leaf'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'signatures of sealed are believed',
    rule: '§5: sealed is valid iff its three signatures verify',
    edits: [
      edit(
        `${LEDGER}/signatory.ts`,
        'const valid = verifyEd25519Native(fromHex(publicKey), message, fromHex(stated.sig));',
        'const valid = true;',
      ),
    ],
    often: ['sealed with other signatures'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'sealed out of order',
    rule: '§5: sealed n is valid iff n−1 is sealed or void',
    edits: [
      edit(
        CHAIN,
        `const entry = unsettled[0];
    if (signed.n !== settled + 1 || entry?.cut.hash !== signed.cut) {`,
        `const entry = unsettled.find(({ cut }) => cut.n === signed.n);
    if (entry === undefined) {`,
      ),
    ],
    often: ['sealed out of order', 'three cuts at once'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'sealed without a timestamp',
    rule: '§5: sealed is valid iff its three signatures verify',
    edits: [edit(CHAIN, 'if (!isTimestamped(signed, entry.cut)) {', 'if (false) {')],
    often: ['sealed with other content', 'three cuts at once'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'published before sealed',
    rule: '§3: sealed n: the commit point',
    edits: [
      edit(
        PUBLISHER,
        'const signed: SealedSigned = {',
        'await this.publishImmutable(cut, snapshot); await this.options.store.advance("timestamp.json", cut.n, snapshot.timestamp);\nconst signed: SealedSigned = {',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'sealed is not read back',
    rule: '§5: each acts only on what it has read back',
    edits: [
      edit(
        PUBLISHER,
        'this.mine = { n: cut.n, text: canonicalText(signed as unknown as Json), snapshot };',
        'await this.settle((await this.fold.draft(cut))!, snapshot);',
      ),
    ],
    often: ['void', 'void by operators'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void of any cut',
    rule: '§5: sealed n−1 or void n−1 precede it',
    edits: [
      edit(
        CHAIN,
        'if (entry?.cut.n !== signed.n || entry.cut.hash !== signed.cut) {',
        'if (entry === undefined) {',
      ),
    ],
    often: ['void out of order'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void keeps what was covered',
    rule: '§5: void n is the way out of a poisoned cut',
    edits: [
      edit(
        CHAIN,
        'this.last = { ...entry.before, n: signed.n, hash };',
        'this.last = { ...this.last, n: signed.n, hash };',
      ),
    ],
    often: ['poisoned cut'],
    breaks: ['I1'],
  },
  {
    name: 'void is not chained',
    rule: '§5: cut n+1 chains to the void',
    edits: [
      edit(
        CHAIN,
        'this.last = { ...entry.before, n: signed.n, hash };',
        'this.last = { ...entry.before, n: signed.n };',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void leaves the cut behind it',
    rule: '§5: cut n+1 chains to the void',
    edits: [edit(CHAIN, 'this.unsettled.length = 0;', 'this.unsettled.shift();')],
    breaks: ['rest'],
  },
  {
    name: 'void is not undone by shards',
    rule: '§5: void n: number n is spent',
    edits: [
      edit(
        RUNNER,
        'if (this.partition.n >= n) await this.goBack(n, vouchers);',
        'if (this.partition.n >= n) return true;',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void spends no versions',
    rule: '§5: no two delegated roles signed online ever share a version number',
    edits: [
      edit(
        PARTITION,
        'await this.writer.spend(CUTS_IN_FLIGHT_MAX);',
        'await this.writer.spend(0);',
      ),
    ],
    breaks: ['versions'],
  },
  {
    name: 'void has no entry in the snapshot log',
    rule: '§8: an append-only log: leaf n describes snapshot n',
    edits: [
      edit(
        `${LEDGER}/snapshotFold.ts`,
        'this.log.append(leafHash(signedSlice(record), sha256Native));',
        'void signedSlice(record);',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'draft survives a void',
    rule: '§5: void n: number n is spent',
    edits: [
      edit(
        PUBLISHER_FOLD,
        'if (this.drafted !== undefined && this.drafted.cut.n >= change.n) this.isSpoilt = true;',
        '',
      ),
    ],
    often: ['void', 'void by operators'],
    breaks: ['halt'],
  },
  {
    name: 'publisher takes some partitions',
    rule: '§3: all P subtree records → merkle_root',
    edits: [
      edit(
        PUBLISHER_FOLD,
        'if (parts.length < found.length) return undefined;',
        'if (parts.length === 0) return undefined; while (parts.length < found.length) parts.push(parts[0]!);',
      ),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'signs ahead of its clock',
    rule: '§5: signers wait while a cut is ahead of their clock by more than 30 s',
    edits: [edit(PUBLISHER, 'if (cut.time > now() + CLOCK_AHEAD_MAX_MS) return false;', '')],
    often: ['skew', 'cut of a day'],
    breaks: ['clock'],
  },
];
