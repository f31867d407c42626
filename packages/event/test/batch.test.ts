/** Batches: the fast reader held to the verdict of the slow one. */
import { canonicalText, fromUtf8, recordText, utf8 } from '@tidemark/canonical';
import type { Json } from '@tidemark/canonical';
import { createSigner, verifyEd25519Native } from '@tidemark/canonical/native';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBatch, isBatchText, textOfBatch } from '../src/batch.ts';
import { batchBytes, decodeBatch, encodeBatch, encodeEvent, signRecord } from '../src/index.ts';
import { keysById, verifyRecord } from '../src/index.ts';
import type { BatchSigned, Event } from '../src/index.ts';
import { batch as anyBatch, event as anyEvent, headerOf } from './arbitraries.ts';
import { codeOf } from './codes.ts';

const signer = createSigner(new Uint8Array(32).fill(9));
const header = {
  ledger: '0123456789abcdef'.repeat(2),
  partition: 3,
  intake: 'run-1',
  seq: 12,
  time: 1_790_000_000_000,
  subjects: ['token:alice', 'token:bob'],
};
const added: Event = {
  id: '0b9e6c1e-8f0e-4f57-9a5e-6a6f0c1b2d3e',
  type: 'target.added',
  path: 'requests/requests-2.32.0.tar.gz',
  length: 12_345,
  hashes: { sha256: 'cd'.repeat(32) },
};

describe('encoding', () => {
  it('of an event is its canonical text', () => {
    fc.assert(
      fc.property(anyEvent, fc.option(fc.integer({ min: 1, max: 255 })), (event, by) => {
        const whole = by === null ? event : { ...event, by };
        expect(encodeEvent(whole)).toBe(canonicalText(whole as unknown as Json));
        expect(encodeEvent(whole)).toBe(recordText(whole as unknown as Json));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves out `by` for the first subject', () => {
    expect(encodeEvent({ ...added, by: 0 })).toBe(encodeEvent(added));
  });

  it('of a batch is what the general encoder makes of it', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const texts = batch.events.map(encodeEvent);
        const bytes = encodeBatch(headerOf(batch), texts, signer);
        expect(fromUtf8(bytes)).toBe(fromUtf8(signRecord(batch, [signer])));
        const commas = texts.length - 1;
        const body = texts.reduce((sum, text) => sum + text.length, commas);
        expect(bytes.length).toBe(batchBytes(headerOf(batch)) + body);
      }),
      { numRuns: 200 },
    );
  });

  it('of a batch of more than 65,535 bytes is refused', () => {
    const room = 65_535 - batchBytes(header);
    const small = encodeEvent({ id: 'x', type: 'target.removed', path: 'p'.repeat(40) });
    const fit = Math.floor((room + 1) / (small.length + 1));
    const batch = encodeBatch(header, Array<string>(fit).fill(small), signer);
    expect(batch.length).toBeLessThanOrEqual(65_535);
    expect(decodeBatch(batch).signed.events.length).toBe(fit);
    const more = Array<string>(fit + 1).fill(small);
    expect(codeOf(() => encodeBatch(header, more, signer))).toBe('record.too_large');
  });
});

it('says the same whatever this process read before it', () => {
  const bytesOf = (custom: Record<string, number>): Uint8Array =>
    encodeBatch(header, [encodeEvent({ ...added, custom })], signer);
  const names = ['\\', '"', 'n\\', 'n"', '\\"', '"/'];
  for (const first of names) {
    for (const second of names) {
      for (const custom of [
        { [first]: 1, a: 1 },
        { [second]: 1, a: 1 },
      ]) {
        const { signed } = decodeBatch(bytesOf(custom));
        expect(signed.events[0]!.custom).toEqual(custom);
      }
    }
  }
});

describe('decoding', () => {
  it('gives the batch back, verified by its intake key', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const record = decodeBatch(
          encodeBatch(headerOf(batch), batch.events.map(encodeEvent), signer),
        );
        expect(record.signed).toEqual(batch);
        expect(verifyRecord(record, keysById([signer.publicKey]), 1, verifyEd25519Native)).toBe(
          true,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('by one expression per event comes to the verdict of checking every field and encoding again', () => {
    const seen = { accepted: 0, refused: 0 };
    const pieces = [
      '0',
      '1',
      '-',
      '.',
      '/',
      '"',
      ',',
      '{}',
      'a',
      '"by":1,',
      '"by":0,',
      '"custom":{"a":1},',
      '"length":1,',
      '"x":1,',
      '\\u0061',
      'target.removed',
      ' ',
      '9007199254740992',
    ];
    fc.assert(
      fc.property(
        anyBatch,
        fc.nat(),
        fc.nat(12),
        fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 2 })),
        (batch, at, remove, insert) => {
          const text = recordText(batch as unknown as Json);
          const start = text.indexOf(']') > 0 ? at % text.length : 0;
          const changed = text.slice(0, start) + insert + text.slice(start + remove);
          const verdict = slowVerdict(changed);
          expect(fastVerdict(changed)).toBe(verdict);
          seen[verdict ? 'accepted' : 'refused']++;
        },
      ),
      { numRuns: 3000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(50);
  });

  const valid = { ...header, type: 'batch', v: 1, events: [added] } satisfies BatchSigned;

  it.each<[string, (batch: BatchSigned) => object]>([
    ['no events', () => ({ events: [] })],
    ['no subjects', () => ({ subjects: [] })],
    ['a subject with a quote', () => ({ subjects: ['a"b'] })],
    ['an intake with a space', () => ({ intake: 'a b' })],
    ['partition 128', () => ({ partition: 128 })],
    ['an upper-case ledger id', () => ({ ledger: 'AB'.repeat(16) })],
    ['an unknown field', () => ({ extra: 1 })],
    ['`by` beyond the subjects', () => ({ events: [{ ...added, by: 2 }] })],
    ['`by` of 0 spelt out', () => ({ events: [{ ...added, by: 0 }] })],
    ['an unknown field in an event', () => ({ events: [added, { ...added, extra: 1 }] })],
    [
      'another hash beside',
      () => ({ events: [{ ...added, hashes: { sha256: 'cd'.repeat(32), sha512: 'x' } }] }),
    ],
    ['no length', () => ({ events: [{ ...added, length: undefined }] })],
    ['a length on a removal', () => ({ events: [{ ...added, type: 'target.removed' }] })],
    [
      'custom on a removal',
      () => ({ events: [{ id: 'a', path: 'p', type: 'target.removed', custom: { a: 1 } }] }),
    ],
    ['a path of 513 bytes', () => ({ events: [{ ...added, path: 'a'.repeat(513) }] })],
    [
      'a path of 17 segments',
      () => ({ events: [{ ...added, path: Array(17).fill('a').join('/') }] }),
    ],
    ['a path that climbs', () => ({ events: [{ ...added, path: 'a/../b' }] })],
    ['an absolute path', () => ({ events: [{ ...added, path: '/a' }] })],
    ['custom text beyond ASCII', () => ({ events: [{ ...added, custom: { a: 'é' } }] })],
    ['an expected version of 0', () => ({ events: [{ ...added, expected: 0 }] })],
  ])('refuses %s', (_what, change) => {
    const good = signRecord(valid, [signer]);
    expect(decodeBatch(good).signed).toEqual(valid);
    const changed = JSON.parse(JSON.stringify({ ...valid, ...change(valid) })) as Json;
    const bytes = utf8(`{"signatures":[],"signed":${recordText(changed)}}`);
    expect(codeOf(() => decodeBatch(bytes))).toMatch(/^record\.(shape|not_canonical)$/);
  });

  it('accepts 1,024 events and no more', () => {
    const text = (count: number) => {
      const events = Array<string>(count).fill('{"id":"a","path":"p","type":"target.removed"}');
      const body = textOfBatch({ ...valid, events: [] }).replace('[]', `[${events.join(',')}]`);
      return utf8(`{"signatures":[],"signed":${body}}`);
    };
    expect(decodeBatch(text(1_024)).signed.events.length).toBe(1_024);
    expect(codeOf(() => decodeBatch(text(1_025)))).toBe('record.shape');
  });

  it.each(['null', 'true', '7', '"x"', '[]', '{}', '{"custom":null}', '{"path":null}'])(
    'refuses %s in place of an event',
    (wrong) => {
      const text = fromUtf8(signRecord(valid, []));
      const [event] = [encodeEvent(valid.events[0]!)];
      for (const changed of [
        text.replace(event!, wrong),
        text.replace(event!, `${event},${wrong}`),
      ]) {
        expect(changed).not.toBe(text);
        expect(codeOf(() => decodeBatch(utf8(changed)))).toBe('record.shape');
      }
    },
  );

  it.each(['__proto__', 'constructor', 'toString'])(
    'refuses the path %s, fast and slow',
    (path) => {
      const text = textOfBatch({ ...valid, events: [{ ...valid.events[0]!, path }] });
      expect([fastVerdict(text), slowVerdict(text)]).toEqual([false, false]);
      expect(fastVerdict(text.replace(path, `${path}x`))).toBe(true);
    },
  );

  it('accepts numbers up to 2^53 − 1 only, in every place', () => {
    for (const field of ['"length":12345', '"seq":12', '"time":1790000000000']) {
      const [name = ''] = field.split(':');
      const text = fromUtf8(signRecord(valid, []));
      expect(decodeBatch(utf8(text.replace(field, `${name}:9007199254740991`)))).toBeDefined();
      for (const wrong of ['9007199254740992', '01', '1.0', '1e3', '-0', '-1', '"1"', 'null']) {
        const changed = utf8(text.replace(field, `${name}:${wrong}`));
        expect([field, wrong, codeOf(() => decodeBatch(changed)) !== undefined]).toEqual([
          field,
          wrong,
          true,
        ]);
      }
    }
  });
});

function fastVerdict(text: string): boolean {
  const parsed = parse(text);
  return parsed !== undefined && isBatchText(`${text}}`, 0, parsed);
}

function slowVerdict(text: string): boolean {
  const parsed = parse(text);
  return parsed !== undefined && isBatch(parsed) && textOfBatch(parsed) === text;
}

function parse(text: string): { [name: string]: Json } | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as { [name: string]: Json })
      : undefined;
  } catch {
    return undefined;
  }
}
