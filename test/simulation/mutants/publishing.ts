// What a publication store shows, and when.
import { edit, type Mutant } from './mutant.ts';

const PUBLISHER = 'services/publisher/src/publisher.ts';

export const PUBLISHING: readonly Mutant[] = [
  {
    name: 'timestamp first',
    rule: '§3: immutable names first, then timestamp.json and checkpoint',
    edits: [
      edit(
        PUBLISHER,
        'await this.publishImmutable(cut, snapshot);\n    await this.index.put(',
        'await this.advanceStore(row);\n    await this.publishImmutable(cut, snapshot);\n    await this.index.put(',
      ),
    ],
    breaks: ['order'],
  },
  {
    name: 'timestamp before checkpoint',
    rule: '§3: timestamp.json and checkpoint',
    edits: [
      edit(
        PUBLISHER,
        `await store.advance('checkpoint', row.n, utf8(row.checkpoint));
    await store.advance('timestamp.json', row.n, utf8(row.timestamp));`,
        `await store.advance('timestamp.json', row.n, utf8(row.timestamp));
    await store.advance('checkpoint', row.n, utf8(row.checkpoint));`,
      ),
    ],
    breaks: ['order'],
  },
  {
    name: 'timestamp goes back',
    rule: '§3: never backwards',
    edits: [edit('packages/publish/src/memory.ts', "if (version < newest) return 'behind';", '')],
    breaks: ['I3'],
  },
  {
    name: 'store is not made good',
    rule: '§3: the publication store follows',
    edits: [edit(PUBLISHER, 'await publisher.advanceStore(newest);', '')],
    often: ['crash'],
    breaks: ['order'],
  },
  {
    name: 'outcomes are not kept',
    rule: '§5: outcomes travel in leaves',
    edits: [
      edit(
        PUBLISHER,
        'parts.map(({ outcomes }) => outcomes),',
        'parts.map(({ outcomes }) => outcomes.slice(1)),',
      ),
      edit(
        PUBLISHER,
        'batches: parts.map(({ outcomes }) => offsetsOf(outcomes).length),',
        'batches: parts.map(({ outcomes }) => offsetsOf(outcomes.slice(1)).length),',
      ),
    ],
    breaks: ['I1'],
  },
];
