// Whatever reads bytes of others, on bytes that nobody should send: it returns, or refuses as it says.
//
// TIDEMARK_SEED repeats a run; TIDEMARK_FUZZ is the number of inputs for each parser, for long ones.
import { isDeepStrictEqual } from 'node:util';
import { parseJson, plainFailure, type Json, type PlainFailure } from '@tidemark/canonical';
import { expect, test } from 'vitest';
import { generator, seededRandom } from './random.ts';

export interface Parser<T = unknown> {
  /** The function's own name, or what else it is. */
  readonly name: string;
  /** What it accepts; inputs are made from these. */
  readonly samples: readonly (Uint8Array | string)[];
  readonly read: (bytes: Buffer) => T | Promise<T>;
  /** All codes of its refusals; undefined for what refuses nothing. */
  readonly refusals?: RegExp;
  readonly kind?: PlainFailure['kind'];
  /** Writes a value that was read: reading that again has to give the same. */
  readonly write?: (value: T) => Uint8Array | string;
  /** What has to be true of every value that was read. */
  readonly demand?: (value: T, bytes: Buffer) => void;
  /** The share of the usual number of inputs, for one that is slow. */
  readonly share?: number;
  /** How an edited JSON value is spelt; as JSON.stringify does unless given. */
  readonly spell?: (value: Json) => string | Uint8Array;
}

const INPUTS = Number(process.env['TIDEMARK_FUZZ'] ?? 1_500);
const INPUT_BYTES_MAX = 64 << 10;
const TIMEOUT_MS = Math.max(60_000, INPUTS * 60);

/** One parser among others; the types of its values are its own business. */
export function parser<T>(made: Parser<T>): Parser {
  return made as Parser;
}

/** A test for each parser. */
export function fuzz(parsers: readonly Parser[]): void {
  const { seed, random } = seededRandom('fuzz');
  const seeds = parsers.map(() => Math.floor(random() * 2 ** 31));
  expect(new Set(parsers.map(({ name }) => name)).size).toBe(parsers.length);
  test.each(parsers.map((each, i) => [each.name, each, seeds[i]!] as const))(
    '%s',
    { timeout: TIMEOUT_MS },
    async (name, each, own) => {
      const samples = each.samples.map((sample) => Buffer.from(sample));
      for (const sample of samples) await demandRead(each, sample);
      const source = new Inputs(own, samples, each.spell ?? JSON.stringify);
      let accepted = 0;
      const inputs = Math.ceil(INPUTS * (each.share ?? 1));
      for (let i = 0; i < inputs; i++) {
        const input = source.next();
        try {
          if (await readsOrRefuses(each, input)) accepted++;
        } catch (cause) {
          const shown = input.subarray(0, 2000).toString('base64');
          throw new Error(`TIDEMARK_SEED=${seed}, ${name}, input ${i}: ${shown}`, { cause });
        }
      }
      // Were none of them refused, nothing would have been checked.
      expect(accepted === inputs).toBe(each.refusals === undefined);
    },
  );
}

async function demandRead(each: Parser, sample: Buffer): Promise<void> {
  expect([await readsOrRefuses(each, sample), sample.toString('base64')]).toEqual([
    true,
    sample.toString('base64'),
  ]);
}

/** @returns whether it was accepted. @throws whatever is neither a value nor one of the refusals */
async function readsOrRefuses(each: Parser, bytes: Buffer): Promise<boolean> {
  const { read, refusals, kind = 'RejectedInput', write, demand } = each;
  let value: unknown;
  try {
    value = await read(Buffer.from(bytes));
  } catch (error) {
    const failure = plainFailure(error);
    if (failure.kind !== kind || refusals?.test(failure.code) !== true) throw error;
    return false;
  }
  demand?.(value, bytes);
  if (write === undefined) return true;
  const again = await read(Buffer.from(write(value)));
  if (!isDeepStrictEqual(again, value)) expect(again).toStrictEqual(value);
  return true;
}

const STRUCTURE = [
  ...'{}[]",:\\/\n\r\t\0 .-+=e#',
  '{"',
  '":',
  '\ufeff',
  String.raw`\ud800`,
  String.raw`\u0000`,
  '"__proto__":1,',
  '"constructor":',
  'null',
  'true',
  '[[[[[[[[',
  '\u2028',
  '\u2014 ',
  '%00',
  '../',
];
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1',
  '01',
  '1.0',
  '1e9',
  '1e400',
  '255',
  '65536',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551616',
  '9'.repeat(400),
  'NaN',
];
const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  2 ** 53 - 1,
  '',
  'a',
  'A'.repeat(64),
  '0'.repeat(64),
  '\n',
  '__proto__',
  [],
  {},
  [null],
  [[]],
  [{}],
  { a: 1 },
];

/** Inputs made from samples: spoilt, cut, mixed, and some of nothing but chance. */
class Inputs {
  private readonly random: () => number;
  private readonly samples: readonly Buffer[];
  private readonly spell: (value: Json) => string | Uint8Array;

  constructor(seed: number, samples: readonly Buffer[], spell: Parser['spell'] & object) {
    this.random = generator(seed);
    this.samples = samples;
    this.spell = spell;
  }

  next(): Buffer {
    if (this.random() < 0.05) return this.noise(this.below(200));
    let bytes = this.oneOf(this.samples);
    for (let changes = 1 + this.below(3); changes > 0; changes--) bytes = this.changed(bytes);
    return bytes.subarray(0, INPUT_BYTES_MAX);
  }

  private changed(bytes: Buffer): Buffer {
    switch (this.below(9)) {
      case 0:
        return this.flipped(bytes);
      case 1:
        return bytes.subarray(0, this.below(bytes.length + 1));
      case 2: {
        const other = this.oneOf(this.samples);
        return Buffer.concat([this.head(bytes), other.subarray(this.below(other.length + 1))]);
      }
      case 3:
        return this.inserted(bytes, Buffer.from(this.oneOf(STRUCTURE)));
      case 4:
        return this.withNumber(bytes);
      case 5: {
        const from = this.below(bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + this.below(20))]);
      }
      case 6: {
        const from = this.below(bytes.length + 1);
        const some = bytes.subarray(from, from + 1 + this.below(40));
        const times = this.oneOf([1, 2, 30, 1000]);
        return this.inserted(bytes, Buffer.concat(Array.from({ length: times }, () => some)));
      }
      default:
        return this.edited(bytes);
    }
  }

  private flipped(bytes: Buffer): Buffer {
    const flipped = Buffer.from(bytes);
    if (bytes.length === 0) return flipped;
    const at = this.below(bytes.length);
    flipped[at] = this.random() < 0.5 ? flipped[at]! ^ (1 << this.below(8)) : this.below(256);
    return flipped;
  }

  private withNumber(bytes: Buffer): Buffer {
    const text = bytes.toString('latin1');
    // A minus is a sign in some texts, and stands between two numbers in others.
    const numbers = [...text.matchAll(this.random() < 0.5 ? /-?\d+/g : /\d+/g)];
    if (numbers.length === 0) return this.inserted(bytes, Buffer.from(this.oneOf(NUMBERS)));
    const { index, 0: found } = this.oneOf(numbers);
    const replaced = text.slice(0, index) + this.oneOf(NUMBERS) + text.slice(index + found.length);
    return Buffer.from(replaced, 'latin1');
  }

  /** A JSON value with one of its parts exchanged, so that what is behind the syntax is reached. */
  private edited(bytes: Buffer): Buffer {
    let value: Json;
    try {
      value = parseJson(bytes, { depthMax: 64, olpc: true });
    } catch {
      // What is no JSON is spoilt in other ways.
      return this.flipped(bytes);
    }
    return Buffer.from(this.spell(this.editedValue(value)));
  }

  private editedValue(value: Json): Json {
    const isLeaf = typeof value !== 'object' || value === null || this.random() < 0.1;
    if (isLeaf) return this.oneOf(VALUES);
    if (Array.isArray(value)) {
      const items = [...(value as readonly Json[])];
      const at = this.below(items.length + 1);
      if (at === items.length) items.push(items[0] ?? this.oneOf(VALUES));
      else if (this.random() < 0.2) items.splice(at, 1);
      else items[at] = this.editedValue(items[at]!);
      return items;
    }
    const members = Object.entries(value as Readonly<Record<string, Json>>);
    const at = this.below(members.length + 1);
    if (at === members.length)
      members.push([this.oneOf(['x', '__proto__', '']), this.oneOf(VALUES)]);
    else if (this.random() < 0.2) members.splice(at, 1);
    else members[at] = [members[at]![0], this.editedValue(members[at]![1])];
    return Object.fromEntries(members);
  }

  private noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  private head(bytes: Buffer): Buffer {
    return bytes.subarray(0, this.below(bytes.length + 1));
  }

  private inserted(bytes: Buffer, some: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), some, bytes.subarray(at)]);
  }

  private below(end: number): number {
    return Math.floor(this.random() * end);
  }

  private oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
