// Ed25519 verification, remembered: a dozen processes of one simulation check the same signatures.
//
// It is a pure function, so remembering it changes nothing but the time; every (key, message,
// signature) is really verified once.
import crypto from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const ENTRIES_MAX = 100_000;
const verdicts = new Map<string, boolean>();
const names = new WeakMap<KeyObject, number>();
let nextName = 0;
let isInstalled = false;

/** From now on, `verify` of node:crypto remembers what it has verified in this process. */
export function rememberVerdicts(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { verify } = crypto;
  const remembering = (
    algorithm: string | null,
    data: Uint8Array,
    key: KeyObject,
    signature: Uint8Array,
  ): boolean => {
    if (algorithm !== null || !(key instanceof crypto.KeyObject)) {
      return verify(algorithm, data, key, signature);
    }
    let name = names.get(key);
    if (name === undefined) names.set(key, (name = nextName++));
    const entry = `${name} ${crypto.hash('sha256', data, 'binary')}${Buffer.from(signature).toString('latin1')}`;
    const known = verdicts.get(entry);
    if (known !== undefined) return known;
    if (verdicts.size >= ENTRIES_MAX) verdicts.clear();
    const verdict = verify(algorithm, data, key, signature);
    verdicts.set(entry, verdict);
    return verdict;
  };
  crypto.verify = remembering as typeof crypto.verify;
  syncBuiltinESMExports();
}
