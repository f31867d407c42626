// Who may write what: records count by their signatures, not by their place in a log.
import { edit, type Mutant } from './mutant.ts';

const LEDGER = 'packages/ledger/src';
const CONTROL = `${LEDGER}/control.ts`;
const CUT_FOLD = `${LEDGER}/cutFold.ts`;

export const AUTHORITY: readonly Mutant[] = [
  {
    name: 'sealed by anybody',
    rule: '§4: sealed by listed service keys',
    edits: [
      edit(CONTROL, 'if (!this.isSignedBy(record, this.view.keys.publisher, 1)) {', 'if (false) {'),
    ],
    often: ['sealed by a stranger with the timestamp key', 'three cuts at once'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void by anybody',
    rule: '§5: an operator-signed void',
    edits: [
      edit(
        CONTROL,
        `if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput('void.signature'`,
        `if (false) {
      throw new RejectedInput('void.signature'`,
      ),
    ],
    often: ['void by services'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'void by one operator',
    rule: '§4: by a threshold of offline operator keys',
    edits: [
      edit(
        CONTROL,
        `if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput('void.signature'`,
        `if (!this.isSignedBy(record, this.operators, 1)) {
      throw new RejectedInput('void.signature'`,
      ),
    ],
    often: ['void by one operator'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'settings by anybody',
    rule: '§4: policy and service-key changes by a threshold of offline operator keys',
    edits: [
      edit(
        CONTROL,
        `if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput(\`\${signed.type}.signature\``,
        `if (false) {
      throw new RejectedInput(\`\${signed.type}.signature\``,
      ),
    ],
    often: ['policy of strangers', 'services of strangers'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'settings by one operator',
    rule: '§4: by a threshold of offline operator keys',
    edits: [
      edit(
        CONTROL,
        `if (!this.isSignedBy(record, this.operators, this.genesis.operators.threshold)) {
      throw new RejectedInput(\`\${signed.type}.signature\``,
        `if (!this.isSignedBy(record, this.operators, 1)) {
      throw new RejectedInput(\`\${signed.type}.signature\``,
      ),
    ],
    often: ['policy by one operator', 'services by one operator'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'policy out of order',
    rule: '§4: control: all whose order is global',
    edits: [
      edit(
        CONTROL,
        "if (signed.version !== view.policyVersion + 1) throw outOfOrder('policy');",
        '',
      ),
    ],
    often: ['policy out of order'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'services out of order',
    rule: '§4: control: all whose order is global',
    edits: [
      edit(
        CONTROL,
        "if (signed.version !== view.servicesVersion + 1) throw outOfOrder('services');",
        '',
      ),
    ],
    often: ['services out of order'],
    breaks: ['rest'],
  },
  {
    name: 'records of another ledger',
    rule: '§4: mismatch with the genesis record',
    edits: [edit(CONTROL, 'if (ledger !== this.genesis.ledger) return false;', 'void ledger;')],
    often: ['cut of another ledger'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'offline roles by one key',
    rule: "§4: root and offline roles by TUF's own rules",
    edits: [
      edit(
        `${LEDGER}/documents.ts`,
        'verifyThreshold(envelope, keys, { keyids, threshold }, nativeVerifiers);',
        'verifyThreshold(envelope, keys, { keyids, threshold: Math.min(1, threshold) }, nativeVerifiers);',
      ),
    ],
    often: ['targets by one key'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'documents go back',
    rule: "§4: root and offline roles by TUF's own rules: no rollback",
    edits: [
      edit(
        `${LEDGER}/documents.ts`,
        'if (current !== undefined && next.version <= current.version) {',
        'if (false) {',
      ),
    ],
    often: ['document', 'document of before'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'unknown rules',
    rule: '§4: a rules version that this build lacks halts it',
    edits: [
      edit(CONTROL, 'if (signed.rules > RULES_VERSION) throw unknownRules(signed.rules);', ''),
    ],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'batches by anybody',
    rule: "§4: batches are signed by an intake's service key",
    edits: [
      edit(
        CUT_FOLD,
        'if (!verifyRecord(batch, cut.view.keys.intake, 1, verifyEd25519Native)) {',
        'if (false) {',
      ),
    ],
    often: ['batch of a stranger', 'batch of a sealer'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'batches for elsewhere',
    rule: '§4: an invalid record is ignored by everybody',
    edits: [
      edit(
        CUT_FOLD,
        'if (signed.ledger !== state.ledger || signed.partition !== state.partition) {',
        'if (false) {',
      ),
    ],
    often: ['batch of another ledger', 'batch for another partition'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'paths of another partition',
    rule: '§3: the partition is picked from SHA-256 of the target path',
    edits: [
      edit(
        CUT_FOLD,
        'if (partitionOfPathHash(pathHash, state.partitionBits) !== state.partition) {',
        'if (false) {',
      ),
    ],
    often: ['batch with wrong paths'],
    breaks: ['halt'],
  },
  {
    name: 'subtrees by anybody',
    rule: '§4: subtree records by listed service keys',
    edits: [
      edit(
        `${LEDGER}/leafCollector.ts`,
        'if (verifyRecord(record, cut.view.keys.shard, 1, verifyEd25519Native)) return signed;',
        'return signed;',
      ),
    ],
    often: ['subtree of a stranger', 'subtree of a publisher'],
    breaks: ['halt'],
  },
  {
    name: 'subtrees of another cut',
    rule: '§5: the first valid record per n wins',
    edits: [
      edit(
        `${LEDGER}/leafCollector.ts`,
        'if (signed.n !== cut.n || signed.cut !== cut.hash || signed.partition !== this.partition) {',
        'if (signed.n !== cut.n || signed.partition !== this.partition) {',
      ),
    ],
    often: ['subtree of another cut'],
    breaks: ['halt'],
  },
];
