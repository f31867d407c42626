/** SHA-256 wherever JavaScript runs; servers use `./native` on hot paths. */

import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { toHex } from './bytes.ts';

/** A SHA-256 implementation: 32 bytes of any bytes. Code for both browser and server takes it as an argument. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** SHA-256, 32 bytes. */
export const sha256: Sha256 = (data) => nobleSha256(data);

/** SHA-256 as 64 lower-case hex digits. */
export function sha256Hex(data: Uint8Array): string {
  return toHex(nobleSha256(data));
}
