/** Where things are, exhaustively for small parameters. */
import { BrokenInvariant, sha256Hex } from '@tidemark/canonical';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  binOfPathHash,
  binOfRole,
  binsOfPartition,
  partitionOfBin,
  partitionOfPathHash,
  partitionOfSlot,
  pathHash,
  slotOfBin,
  slotOfRole,
  slotsOfPartition,
} from '../src/index.ts';

/** A hash whose first byte is given: enough for up to 8 bits. */
const hashOf = (byte: number): string => byte.toString(16).padStart(2, '0') + 'a5'.repeat(31);

describe('vectors', () => {
  test('TAP 15: with 3 bits the bins hold the hashes starting with 000, 001, 010, …, 111', () => {
    // tap15.md, "Specification": the prefix of bin i is the BIT_LENGTH bits of i.
    const prefixes = ['000', '001', '010', '011', '100', '101', '110', '111'];
    prefixes.forEach((prefix, i) => {
      for (let rest = 0; rest < 32; rest++) {
        const byte = Number.parseInt(prefix + rest.toString(2).padStart(5, '0'), 2);
        expect(binOfPathHash(hashOf(byte), 3)).toBe(i);
      }
    });
  });

  test('TAP 15: 16 bits are the first four hex digits, so bin 0x0f1e is alice.hbd-0f1e', () => {
    const hash = `0f1e${'00'.repeat(30)}`;
    expect(binOfPathHash(hash, 16)).toBe(0x0f1e);
    expect(binOfRole('alice.hbd-0f1e', { prefix: 'alice.hbd', bits: 16 })).toBe(0x0f1e);
  });

  test('the hash is SHA-256 of the path as UTF-8', () => {
    // Value of an independent implementation (OpenSSL through node:crypto).
    const path = 'packages/naïve-1.0.tar.gz';
    expect(pathHash(path, sha256Hex)).toBe(createHash('sha256').update(path).digest('hex'));
    // FIPS 180-2, appendix B.1
    expect(pathHash('abc', sha256Hex)).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(binOfPathHash(pathHash('abc', sha256Hex), 14)).toBe(0b10111010011110);
  });

  test('the whole width of 32 bits stays unsigned', () => {
    const hash = `ffffffff${'00'.repeat(28)}`;
    expect(binOfPathHash(hash, 32)).toBe(4294967295);
    expect(binOfPathHash(hash, 31)).toBe(2147483647);
    expect(binOfPathHash(hash, 0)).toBe(0);
    expect(slotOfBin(3, 2, 32)).toBe(3221225472);
    expect(partitionOfSlot(4294967295, 32, 7)).toBe(127);
  });

  test('a role that is no bin sits where the hash of its name says', () => {
    const bins = { prefix: 'bin', bits: 4 };
    // SHA-256('abc') begins ba78…
    expect(slotOfRole('abc', bins, 8, sha256Hex)).toBe(0xba);
    expect(slotOfRole('abc', bins, 16, sha256Hex)).toBe(0xba78);
    expect(slotOfRole('bin-b', bins, 8, sha256Hex)).toBe(0xb0);
  });
});

describe('exhaustively, for every p ≤ b ≤ s ≤ 8 and every first byte', () => {
  test('the partition of a path, of its bin and of its bin’s slot are one', () => {
    for (let s = 0; s <= 8; s++) {
      for (let b = 0; b <= s; b++) {
        for (let p = 0; p <= b; p++) {
          for (let byte = 0; byte < 256; byte++) {
            const bin = binOfPathHash(hashOf(byte), b);
            const slot = slotOfBin(bin, b, s);
            const partition = partitionOfPathHash(hashOf(byte), p);
            const bits = byte.toString(2).padStart(8, '0');
            const agree =
              bin === Number.parseInt(`0${bits.slice(0, b)}`, 2) &&
              partition === Number.parseInt(`0${bits.slice(0, p)}`, 2) &&
              slot === Number.parseInt(`0${bits.slice(0, b).padEnd(s, '0')}`, 2) &&
              partitionOfBin(bin, b, p) === partition &&
              partitionOfSlot(slot, s, p) === partition;
            if (!agree) expect.fail(`s ${s} b ${b} p ${p} byte ${byte}`);
          }
        }
      }
    }
  });

  test('the ranges of the partitions cover all bins and slots once, in order', () => {
    for (let s = 0; s <= 8; s++) {
      for (let p = 0; p <= s; p++) {
        let next = 0;
        for (let partition = 0; partition < 2 ** p; partition++) {
          const range = slotsOfPartition(partition, s, p);
          expect(range).toEqual({ from: next, to: next + 2 ** (s - p) });
          expect(binsOfPartition(partition, s, p)).toEqual(range);
          for (let slot = range.from; slot < range.to; slot++) {
            expect(partitionOfSlot(slot, s, p)).toBe(partition);
          }
          next = range.to;
        }
        expect(next).toBe(2 ** s);
      }
    }
  });
});

describe('names of bins', () => {
  test('every bin of 1..9 bits is recognised by its padded name, and by no other', () => {
    for (let bits = 1; bits <= 9; bits++) {
      const bins = { prefix: 'bin', bits };
      const digits = (2 ** bits - 1).toString(16).length;
      for (let i = 0; i < 2 ** bits; i++) {
        const hex = i.toString(16).padStart(digits, '0');
        expect(binOfRole(`bin-${hex}`, bins)).toBe(i);
        expect(binOfRole(`bin-0${hex}`, bins)).toBeUndefined();
        expect(binOfRole(`bin${hex}`, bins)).toBeUndefined();
      }
      const past = (2 ** bits).toString(16).padStart(digits, '0');
      expect(binOfRole(`bin-${past}`, bins)).toBeUndefined();
    }
  });

  test.each([
    'bin-0A',
    'bin-+1',
    'bin- 1',
    'bin-0x',
    'bin-',
    'bin',
    'xbin-00',
    'bin-00\n',
    'Bin-00',
  ])('%j is no bin', (role) => expect(binOfRole(role, { prefix: 'bin', bits: 8 })).toBeUndefined());
});

describe('arguments out of range halt', () => {
  const hash = hashOf(0);
  test.each<[string, () => number | object]>([
    ['33 bits', () => binOfPathHash(hash, 33)],
    ['−1 bits', () => binOfPathHash(hash, -1)],
    ['1.5 bits', () => partitionOfPathHash(hash, 1.5)],
    ['a short hash', () => binOfPathHash('ff', 8)],
    ['bin 2^b', () => slotOfBin(4, 2, 4)],
    ['s < b', () => slotOfBin(0, 4, 2)],
    ['slot 2^s', () => partitionOfSlot(16, 4, 2)],
    ['p > s', () => partitionOfSlot(0, 2, 4)],
    ['partition 2^p', () => binsOfPartition(4, 4, 2)],
    ['NaN', () => slotOfBin(Number.NaN, 4, 4)],
  ])('%s', (_, act) => {
    expect(act).toThrow(BrokenInvariant);
    expect(act).toThrow(expect.objectContaining({ code: 'bin.range' }));
  });
});
