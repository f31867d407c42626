/** Reading option values: wrong ones end the program with 2 and say what was expected. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Kind } from '@tidemark/runtime';

/** A whole number within bounds. */
export function numberFrom(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${option} needs a whole number from ${min} to ${max}.`);
  };
}

/** A value of a kind that settings have, too: `30s`, `4G`. */
export function valueFrom<T>(option: string, kind: Kind<T>): (text: string) => T {
  return (text) => {
    const value = kind.read(text);
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`${option} needs ${kind.allowed}.`);
  };
}
