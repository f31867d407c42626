/** Reading typed values out of untrusted JSON: each returns its value or refuses with the caller's code. */

import { isObject, RejectedInput } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';

export function readObject(value: Json | undefined, code: string, what: string): JsonObject {
  if (!isObject(value)) throw new RejectedInput(code, `${what} is not an object`);
  return value;
}

export function readArray(value: Json | undefined, code: string, what: string): readonly Json[] {
  if (!isArray(value)) throw new RejectedInput(code, `${what} is not an array`);
  return value;
}

export function readString(value: Json | undefined, code: string, what: string): string {
  if (typeof value !== 'string') throw new RejectedInput(code, `${what} is not a string`);
  return value;
}

export function readBoolean(value: Json | undefined, code: string, what: string): boolean {
  if (typeof value !== 'boolean') throw new RejectedInput(code, `${what} is not true or false`);
  return value;
}

export function readInteger(
  value: Json | undefined,
  min: number,
  code: string,
  what: string,
): number {
  if (typeof value !== 'number' || value < min) {
    throw new RejectedInput(code, `${what} is not an integer of at least ${min}`);
  }
  return value;
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
