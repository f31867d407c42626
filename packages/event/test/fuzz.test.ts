// Every parser of this package on spoilt input.
import { recordText, parseJson, type Json } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import * as fc from 'fast-check';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import {
  batchBytes,
  decodeBatch,
  decodeRecord,
  encodeBatch,
  encodeEvent,
  encodeRecord,
  parseEvent,
  parseLeaf,
  PartAssembler,
  recordHash,
  signedSlice,
  signRecord,
} from '../src/index.ts';
import { batch, event, headerOf, signed } from './arbitraries.ts';

const SEED = 1;
const signer = createSigner(new Uint8Array(32).fill(1));
const records = fc
  .sample(signed, { seed: SEED, numRuns: 80 })
  .flatMap((each) => [encodeRecord(each), signRecord(each, [signer])]);
const batches = fc
  .sample(batch, { seed: SEED, numRuns: 8 })
  .filter((each) => batchBytes(headerOf(each)) > 0)
  .map((each) => encodeBatch(headerOf(each), each.events.map(encodeEvent), signer));
const leaves = fc
  .sample(signed, { seed: SEED, numRuns: 200 })
  .flatMap((each) => (each.type === 'sealed' ? [recordText(each.leaf as unknown as Json)] : []));

fuzz([
  parser({
    name: 'decodeRecord',
    samples: records,
    read: (bytes) => {
      const { signed, signatures } = decodeRecord(bytes);
      return { signed, signatures };
    },
    refusals: /^record\.(?:too_large|syntax|not_canonical|type|version|shape)$/,
    write: (record) => encodeRecord(record.signed, record.signatures),
    spell: recordText,
    demand: ({ signed, signatures }, bytes) => {
      if (!bytes.equals(encodeRecord(signed, signatures))) throw new Error('it has two spellings');
    },
  }),
  parser({
    name: 'decodeBatch',
    samples: batches,
    read: (bytes) => decodeBatch(bytes).signed,
    refusals: /^record\.(?:too_large|syntax|not_canonical|type|version|shape)$/,
    spell: recordText,
  }),
  parser({
    name: 'parseEvent',
    samples: fc.sample(event, { seed: SEED, numRuns: 40 }).map(encodeEvent),
    read: (bytes) => parseEvent(parseJson(bytes)),
    refusals: /^(?:json|event|path)\.[a-z_0-9]+$/,
    write: encodeEvent,
  }),
  parser({
    name: 'parseLeaf',
    samples: leaves,
    read: parseLeaf,
    refusals: /^(?:json\.[a-z_0-9]+|record\.(?:shape|not_canonical))$/,
    write: (leaf) => recordText(leaf as unknown as Json),
    spell: recordText,
  }),
  parser({
    name: 'recordHash',
    samples: records,
    read: (bytes) => [recordHash(bytes), signedSlice(bytes)],
    refusals: /^record\.shape$/,
  }),
  parser({
    name: 'PartAssembler',
    samples: records,
    read: (bytes) => {
      const { signed } = decodeRecord(bytes);
      return signed.type === 'part' ? new PartAssembler().add(signed, 0) : undefined;
    },
    refusals:
      /^(?:record\.(?:too_large|syntax|not_canonical|type|version|shape)|part\.[a-z0-9_]+)$/,
    spell: recordText,
  }),
]);
