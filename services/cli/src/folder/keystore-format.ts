/** The key file's format: read strictly, because what a key file states decides memory, time and which key signs what. */
import { isObject, OperatingFault, parseJson, RejectedInput } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';

export interface ScryptCost {
  /** A power of two, 2^14 to 2^20. */
  readonly N: number;
  /** 1 to 16. */
  readonly r: number;
  /** 1 to 4. */
  readonly p: number;
}

export interface Kdf extends ScryptCost {
  readonly name: 'scrypt';
  readonly salt: string;
}

export interface KeyFile {
  readonly version: 1;
  readonly purpose: string;
  readonly public: string;
  readonly kdf: Kdf;
  readonly cipher: 'aes-256-gcm';
  readonly nonce: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** Many times what a key file has. */
export const KEY_FILE_BYTES_MAX = 4096;
/** Nobody's key file may make a process take more memory than this. */
const SCRYPT_BYTES_MAX = 2 ** 30;

/** @throws OperatingFault `keys.format` naming `path` and the field */
export function parseKeyFile(bytes: Uint8Array, path: string): KeyFile {
  const json = parsed(bytes, path);
  const bad = (field: string): OperatingFault =>
    new OperatingFault('keys.format', `${path} is not a key file: ${field}`);
  const kdf = json['kdf'];
  if (json['version'] !== 1) throw bad('version is not 1');
  if (json['cipher'] !== 'aes-256-gcm') throw bad('cipher is not aes-256-gcm');
  if (!isObject(kdf) || kdf['name'] !== 'scrypt') throw bad('kdf is not scrypt');
  const text = (from: JsonObject, field: string, pattern: RegExp): string => {
    const value = from[field];
    if (typeof value !== 'string' || !pattern.test(value)) throw bad(field);
    return value;
  };
  const cost = { N: kdf['N'], r: kdf['r'], p: kdf['p'] };
  if (!isCost(cost)) throw bad('scrypt parameters out of bounds');
  return {
    version: 1,
    purpose: text(json, 'purpose', /^[a-z][a-z0-9-]{0,31}$/),
    public: text(json, 'public', /^[0-9a-f]{64}$/),
    kdf: { name: 'scrypt', ...cost, salt: text(kdf, 'salt', /^(?:[0-9a-f]{2}){16,64}$/) },
    cipher: 'aes-256-gcm',
    nonce: text(json, 'nonce', /^[0-9a-f]{24}$/),
    ciphertext: text(json, 'ciphertext', /^[0-9a-f]{64}$/),
    tag: text(json, 'tag', /^[0-9a-f]{32}$/),
  };
}

function parsed(bytes: Uint8Array, path: string): JsonObject {
  try {
    const json = parseJson(bytes);
    if (isObject(json)) return json;
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
  }
  throw new OperatingFault('keys.format', `${path} is not a key file: not a JSON object`);
}

function isCost(cost: Record<keyof ScryptCost, unknown>): cost is ScryptCost {
  const { N, r, p } = cost;
  return (
    isWithin(N, 2 ** 14, 2 ** 20) &&
    Number.isInteger(Math.log2(N)) &&
    isWithin(r, 1, 16) &&
    isWithin(p, 1, 4) &&
    128 * N * r <= SCRYPT_BYTES_MAX
  );
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
