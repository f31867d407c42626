/** Reading option values: wrong ones end the program with 2 and say what was expected. */
import { InvalidArgumentError } from '@commander-js/extra-typings';

/** A whole number within bounds. */
export function numberFrom(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${option} needs a whole number from ${min} to ${max}.`);
  };
}

/** `250ms`, `1s`, `2m`. */
export function millisecondsFrom(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000 }[unit ?? ''];
  if (amount !== undefined && factor !== undefined && Number(amount) > 0) {
    return Number(amount) * factor;
  }
  throw new InvalidArgumentError('A time is a number with ms, s or m: 250ms, 1s.');
}

/** `512M`, `2G`. */
export function bytesFrom(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([KMG])$/.exec(text) ?? [];
  const factor = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit ?? ''];
  if (amount !== undefined && factor !== undefined) return Number(amount) * factor;
  throw new InvalidArgumentError('A size is a number with K, M or G: 512M, 2G.');
}
