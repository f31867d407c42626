/** UTF-8 and hex, round trips and refusals. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenInvariant, OperatingFault, RejectedInput } from '../src/index.ts';
import { compareText, concat, equalBytes, fromHex, fromUtf8, toHex, utf8 } from '../src/index.ts';

describe('bytes', () => {
  it('hex goes both ways and is lower case', () => {
    expect(toHex(Uint8Array.of(0, 1, 0xab, 0xff))).toBe('0001abff');
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['a', 'AB', '0g', ' 00', '0x00', '٠٠'])('refuses %j as hex', (text) => {
    expect(() => fromHex(text)).toThrow(RejectedInput);
  });

  it('text goes both ways, a byte-order mark included, and bad UTF-8 is refused', () => {
    expect(fromUtf8(utf8('\ufeffé\u{1f600}'))).toBe('\ufeffé\u{1f600}');
    expect(() => fromUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(RejectedInput);
  });

  it('concatenates and compares', () => {
    expect(concat(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3))).toEqual(
      Uint8Array.of(1, 2, 3),
    );
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  });

  it('orders text as its UTF-8 bytes', () => {
    const unit = fc.constantFrom('a', 'b', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}');
    const text = fc.oneof(fc.string({ unit, maxLength: 4 }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(text, text, (a, b) => {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareText(a, b))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('failures', () => {
  it.each([RejectedInput, OperatingFault, BrokenInvariant])(
    '%o has a code, a name and a cause',
    (Failure) => {
      const cause = new Error('below');
      const failure = new Failure('a.code', 'words', { cause });
      expect(failure).toBeInstanceOf(Error);
      expect([failure.code, failure.message, failure.cause]).toEqual(['a.code', 'words', cause]);
      expect(failure.name).toBe(Failure.name);
    },
  );

  it('are distinct classes', () => {
    expect(new RejectedInput('c', 'm')).not.toBeInstanceOf(OperatingFault);
    expect(new OperatingFault('c', 'm')).not.toBeInstanceOf(BrokenInvariant);
  });
});
