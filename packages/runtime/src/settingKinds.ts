/**
 * Kinds of settings: how a value is written, in a file, a variable or a flag alike, and what it comes to.
 * A time or a size bears its unit, so that nobody has to know which one a number would mean.
 */
import type { Json } from '@tidemark/canonical';

export interface Kind<T> {
  /** For the documentation. */
  readonly unit: string;
  /** Completes “it needs …”. */
  readonly allowed: string;
  /** Names a file that has to be there and readable, or one that is made in a folder that has to be. */
  readonly needs?: 'file' | 'folder';
  /** @returns undefined for what is not of this kind */
  read(value: Json): T | undefined;
}

/** A number in a file, digits elsewhere. */
export function whole(unit: string, min: number, max: number): Kind<number> {
  return {
    unit,
    allowed: `a whole number from ${min} to ${max}`,
    read: (value) => {
      const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
      return number >= min && number <= max ? number : undefined;
    },
  };
}

/** `250ms`, `1s`, `2m`, `1h`: milliseconds. */
export function duration(min: string, max: string): Kind<number> {
  return bounded('time', DURATIONS, min, max, '250ms, 1s');
}

/** `64K`, `512M`, `2G`: bytes. */
export function size(min: string, max: string): Kind<number> {
  return bounded('size', SIZES, min, max, '512M, 2G');
}

export function oneOf<const C extends string>(...choices: readonly C[]): Kind<C> {
  return {
    unit: 'choice',
    allowed: `one of ${choices.join(', ')}`,
    read: (value) => choices.find((choice) => choice === value),
  };
}

/** A host name or an address. */
export function host(): Kind<string> {
  return {
    unit: 'address',
    allowed: 'a host name, an IPv4 or an IPv6 address',
    read: (value) =>
      typeof value === 'string' && /^[A-Za-z0-9.:_-]{1,253}$/.test(value) ? value : undefined,
  };
}

/** The path of a file that has to be there and readable. */
export function file(): Kind<string> {
  return {
    unit: 'path',
    allowed: 'the path of a file that can be read',
    needs: 'file',
    read: (value) =>
      typeof value === 'string' && value !== '' && !value.includes('\0') ? value : undefined,
  };
}

/** The path of a file that is made, in a folder that is there. */
export function newFile(): Kind<string> {
  return { ...file(), allowed: 'the path of a file, in a folder that is there', needs: 'folder' };
}

const DURATIONS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const SIZES = new Map([
  ['K', 2 ** 10],
  ['M', 2 ** 20],
  ['G', 2 ** 30],
]);

function bounded(
  unit: string,
  factors: ReadonlyMap<string, number>,
  min: string,
  max: string,
  examples: string,
): Kind<number> {
  const amount = (value: Json): number => {
    const text = typeof value === 'string' ? value : '';
    const [, number, suffix = ''] = /^(\d{1,9})([A-Za-z]{1,2})$/.exec(text) ?? [];
    return Number(number) * (factors.get(suffix) ?? Number.NaN);
  };
  return {
    unit,
    allowed: `a ${unit} from ${min} to ${max}: a number with ${[...factors.keys()].join(', ')}, like ${examples}`,
    read: (value) => {
      const found = amount(value);
      return found >= amount(min) && found <= amount(max) ? found : undefined;
    },
  };
}
