/** Documents in parts: split, put together, spoilt. */
import { createHash } from 'node:crypto';
import { fromUtf8, toHex, utf8 } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembliesMax, decodeRecord, documentBytesMax, encodeRecord } from '../src/index.ts';
import { PartAssembler, splitDocument } from '../src/index.ts';
import type { Assembled, PartSigned } from '../src/index.ts';
import { codeOf } from './codes.ts';

const role = { kind: 'role', role: 'claimed' } as const;

describe('splitDocument', () => {
  it('gives one record where the document fits', () => {
    const pem = '{"public":"-----BEGIN PUBLIC KEY-----\nAA==\n"}\n';
    expect(splitDocument({ kind: 'root' }, utf8(pem))).toEqual([
      { type: 'root', v: 1, document: pem },
    ]);
    expect(splitDocument(role, utf8(pem))).toEqual([
      { type: 'role', v: 1, role: 'claimed', document: pem },
    ]);
  });

  it('gives parts that fit into records, which together are the document', () => {
    const unit = fc.constantFrom('a', '"', '\n', '\u0001', 'é', '\u{1f600}', '\\');
    const text = fc.tuple(
      fc.string({ unit, minLength: 1, maxLength: 40 }),
      fc.integer({ min: 3_000, max: 20_000 }),
    );
    fc.assert(
      fc.property(
        text,
        fc.constantFrom({ kind: 'root' } as const, role),
        ([piece, times], name) => {
          const document = utf8(piece.repeat(times));
          const assembler = new PartAssembler();
          let assembled: Assembled | undefined;
          for (const signed of splitDocument(name, document)) {
            const decoded = decodeRecord(encodeRecord(signed)).signed;
            expect(decoded).toEqual(signed);
            expect(assembled).toBeUndefined();
            if (decoded.type === 'part') assembled = assembler.add(decoded, 0);
            else return;
          }
          expect(assembled?.name).toEqual(name);
          expect(toHex(assembled?.document ?? utf8(''))).toBe(toHex(document));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('fills the parts', () => {
    const parts = splitDocument(role, utf8('x'.repeat(200_000)));
    expect(parts.length).toBe(4);
    for (const part of parts.slice(0, -1)) {
      const { length } = encodeRecord(part);
      expect(length).toBeGreaterThan(65_000);
      expect(length).toBeLessThanOrEqual(65_535);
    }
  });

  it('refuses what nobody could assemble', () => {
    const tooLong = new Uint8Array(documentBytesMax + 1).fill(0x20);
    expect(codeOf(() => splitDocument(role, tooLong))).toBe('part.too_large');
    expect(codeOf(() => splitDocument(role, Uint8Array.of(0xff)))).toBe('bytes.utf8');
  });
});

describe('PartAssembler', () => {
  it('completes at the last distinct part, in whatever order and however often they come', () => {
    const parts = partsOf('one', 5);
    const order = fc.array(fc.nat(4), { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(order, (indices) => {
        const assembler = new PartAssembler();
        const seen = new Set<number>();
        for (const i of indices) {
          seen.add(i);
          const assembled = assembler.add(parts[i] ?? fail(), 0);
          expect(assembled === undefined).toBe(seen.size < 5);
          if (assembled === undefined) continue;
          expect(fromUtf8(assembled.document)).toBe(textOf('one', 5));
          seen.clear();
        }
      }),
    );
  });

  it('keeps documents apart that are assembled at once', () => {
    const assembler = new PartAssembler();
    const many = Array.from({ length: assembliesMax }, (_, i) => partsOf(`doc ${i}`, 3));
    const results = [0, 1, 2].flatMap((i) =>
      many.map((parts) => assembler.add(parts[i] ?? fail(), 0)),
    );
    const whole = results.filter((result) => result !== undefined);
    expect(whole.map(({ document }) => fromUtf8(document))).toEqual(
      many.map((_, i) => textOf(`doc ${i}`, 3)),
    );
  });

  it('beyond 16 gives up the one that began first', () => {
    const assembler = new PartAssembler();
    const [first, second] = [partsOf('first', 2), partsOf('second', 2)];
    assembler.add(first[0] ?? fail(), 0);
    assembler.add(second[0] ?? fail(), 0);
    for (let i = 0; i < assembliesMax - 1; i++)
      assembler.add(partsOf(`other ${i}`, 2)[0] ?? fail(), 0);
    expect(assembler.add(second[1] ?? fail(), 0)).toBeDefined();
    expect(assembler.add(first[1] ?? fail(), 0)).toBeUndefined();
    expect(assembler.add(first[0] ?? fail(), 0)).toBeDefined();
  });

  it('attack: a forged part spoils the assembly, which is refused; sent again, the document arrives', () => {
    const assembler = new PartAssembler();
    const parts = partsOf('honest', 3);
    assembler.add(parts[0] ?? fail(), 0);
    assembler.add({ ...(parts[1] ?? fail()), data: 'forged' }, 0);
    assembler.add(parts[1] ?? fail(), 0);
    expect(codeOf(() => assembler.add(parts[2] ?? fail(), 0))).toBe('part.sha256');
    const [, , again] = parts.map((part) => assembler.add(part, 0));
    expect(fromUtf8(again?.document ?? fail())).toBe(textOf('honest', 3));
  });

  it('attack: parts of a document beyond 16 MiB are given up at the limit', () => {
    const assembler = new PartAssembler();
    const data = 'x'.repeat(65_000);
    const part = (i: number): PartSigned => ({
      ...(partsOf('big', 1)[0] ?? fail()),
      i,
      k: 1_024,
      data,
    });
    const fit = Math.floor(documentBytesMax / data.length);
    for (let i = 0; i < fit; i++) expect(assembler.add(part(i), 0)).toBeUndefined();
    expect(codeOf(() => assembler.add(part(fit), 0))).toBe('part.too_large');
    const [whole] = partsOf('small', 1).map((small) => assembler.add(small, 0));
    expect(whole).toBeDefined();
  });

  it('given only the parts that are open or complete, is in the same state', () => {
    const documents = Array.from({ length: assembliesMax + 2 }, (_, i) => partsOf(`doc ${i}`, 3));
    const part = fc.tuple(fc.nat(documents.length - 1), fc.nat(2));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 120 }), (log) => {
        const assembler = new PartAssembler();
        const complete = log.flatMap(([document, i], offset) => {
          return assembler.add(documents[document]?.[i] ?? fail(), offset)?.offsets ?? [];
        });
        const again = new PartAssembler();
        for (const offset of [...complete, ...assembler.pending].toSorted((a, b) => a - b)) {
          const [document, i] = log[offset] ?? fail();
          again.add(documents[document]?.[i] ?? fail(), offset);
        }
        expect(again.digest).toBe(assembler.digest);
        expect(again.pending).toEqual(assembler.pending);
        expect(assembler.digest === '').toBe(assembler.pending.length === 0);
      }),
    );
  });

  it('has another digest for parts at other offsets', () => {
    const [part] = partsOf('one', 3);
    const digests = [[0], [1], [0, 1]].map((offsets) => {
      const assembler = new PartAssembler();
      for (const i of offsets) assembler.add({ ...(part ?? fail()), i }, i);
      return assembler.digest;
    });
    expect(new Set(digests).size).toBe(3);
  });
});

function textOf(seed: string, k: number): string {
  return Array.from({ length: k }, (_, i) => `${seed}/${i};`).join('');
}

function partsOf(seed: string, k: number): PartSigned[] {
  const sha256 = createHash('sha256').update(textOf(seed, k)).digest('hex');
  return Array.from({ length: k }, (_, i) => ({
    type: 'part',
    v: 1,
    ...role,
    sha256,
    i,
    k,
    data: `${seed}/${i};`,
  }));
}

function fail(): never {
  throw new Error('absent');
}
