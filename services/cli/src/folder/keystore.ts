/**
 * Ed25519 private keys on disk, encrypted under one passphrase per folder. A key's file:
 *
 *     {"version": 1, "purpose": "timestamp", "public": 64 hex,
 *      "kdf": {"name": "scrypt", "N": 131072, "r": 8, "p": 1, "salt": hex}, "cipher": "aes-256-gcm",
 *      "nonce": 24 hex, "ciphertext": 64 hex (the seed), "tag": 32 hex}
 *
 * All that is not secret is authenticated with the seed, so a file cannot be given another purpose or another public key.
 * The keys of a folder share one salt: unlocking all of them costs one scrypt, half a second, and not one each.
 */
import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { join } from 'node:path';

import { canonicalText, fromHex, OperatingFault, toHex, utf8 } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import type { Signer } from '@tidemark/canonical/native';

import { KEY_FILE_BYTES_MAX, parseKeyFile } from './keystore-format.ts';
import type { KeyFile, Kdf, ScryptCost } from './keystore-format.ts';
import { namesIn, readPrivateFile, writePrivateFiles } from '@tidemark/runtime';

/** `bytes` fresh random bytes. */
export type Random = (bytes: number) => Uint8Array;

export interface NewKey {
  /** What the key signs, and the file's name: lower-case letters, digits and `-`, ≤ 32 characters. */
  readonly purpose: string;
  /** 32 bytes. */
  readonly seed: Uint8Array;
}

export interface UnlockedKey {
  readonly purpose: string;
  readonly signer: Signer;
  /** The 32 secret bytes: a signer cannot be handed to a worker thread, its seed can. */
  readonly seed: Uint8Array;
}

export interface ListedKey {
  readonly purpose: string;
  readonly public: string;
  readonly path: string;
}

const SUFFIX = '.key.json';
const KEYS_MAX = 256;
/** Folders whose keys were gathered from elsewhere may hold several salts; each costs a derivation. */
const KDFS_MAX = 8;
const SALT_BYTES = 32;
const NONCE_BYTES = 12;
/** OWASP's recommended minimum for scrypt (2^17, 8, 1): 128 MiB and about half a second a guess. */
const COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

/** Where a key lies in its folder. */
export function keyFileName(purpose: string): string {
  return purpose + SUFFIX;
}

/**
 * Encrypts `keys` into `directory`, one file each, mode 0600, durable on return. If the folder already holds keys, the passphrase
 * must be theirs, and their salt is used. Nothing is overwritten.
 *
 * @throws OperatingFault `keys.passphrase`, `file.*`; TypeError for a bad purpose or seed
 */
export async function writeKeys(
  directory: string,
  keys: readonly NewKey[],
  passphrase: string,
  random: Random,
  cost: ScryptCost = COST,
): Promise<void> {
  const present = (await loadKeyFiles(directory))[0]?.file;
  const kdf = present?.kdf ?? { name: 'scrypt', ...cost, salt: toHex(random(SALT_BYTES)) };
  const secret = await deriveKey(passphrase, kdf);
  if (present !== undefined && open(present, secret) === undefined)
    throw wrongPassphrase(directory);
  await writePrivateFiles(
    directory,
    keys.map((key) => ({
      name: keyFileName(key.purpose),
      bytes: utf8(`${JSON.stringify(seal(key, kdf, secret, random(NONCE_BYTES)), null, 2)}\n`),
    })),
  );
  secret.fill(0);
}

/**
 * Unlocks every key in `directory`, by purpose. An absent or empty folder has none.
 *
 * @throws OperatingFault `keys.passphrase` when it opens none of them, `keys.altered` when a file is not what was written,
 *   `keys.format`, `file.permissions` and other `file.*`
 */
export async function readKeys(
  directory: string,
  passphrase: string,
): Promise<Map<string, UnlockedKey>> {
  const loaded = await loadKeyFiles(directory);
  const secrets = new Map<string, Uint8Array>();
  const unlocked = new Map<string, UnlockedKey>();
  const closed: string[] = [];
  for (const { file, path } of loaded) {
    const id = canonicalText({ ...file.kdf });
    let secret = secrets.get(id);
    if (secret === undefined) {
      if (secrets.size >= KDFS_MAX) {
        throw new OperatingFault('keys.format', `${directory} mixes more than ${KDFS_MAX} salts`);
      }
      secret = await deriveKey(passphrase, file.kdf);
      secrets.set(id, secret);
    }
    const seed = open(file, secret);
    if (seed === undefined) {
      closed.push(path);
      continue;
    }
    const signer = createSigner(seed);
    if (signer.publicKey !== file.public) throw altered(path);
    unlocked.set(file.purpose, { purpose: file.purpose, signer, seed });
  }
  for (const secret of secrets.values()) secret.fill(0);
  // One that stays closed while others open was not closed with this passphrase: that is no mistyping.
  if (closed[0] !== undefined) {
    throw unlocked.size === 0 ? wrongPassphrase(directory) : altered(closed[0]);
  }
  return unlocked;
}

/**
 * The keys in `directory` by what their files say, sorted by file name; unauthenticated, as no passphrase is asked.
 *
 * @throws OperatingFault `keys.format`, `file.*`
 */
export async function listKeys(directory: string): Promise<ListedKey[]> {
  return (await loadKeyFiles(directory)).map(({ file, path }) => ({
    purpose: file.purpose,
    public: file.public,
    path,
  }));
}

async function loadKeyFiles(directory: string): Promise<{ file: KeyFile; path: string }[]> {
  const names = (await namesIn(directory)).filter(
    (name) => name.endsWith(SUFFIX) && !name.startsWith('.'),
  );
  if (names.length > KEYS_MAX) {
    throw new OperatingFault('keys.format', `${directory} holds more than ${KEYS_MAX} keys`);
  }
  const loaded: { file: KeyFile; path: string }[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const { bytes } = await readPrivateFile(path, { bytesMax: KEY_FILE_BYTES_MAX });
    const file = parseKeyFile(bytes, path);
    // A renamed file would make one purpose's key stand for another's, or hide it.
    if (name !== keyFileName(file.purpose)) throw altered(path);
    loaded.push({ file, path });
  }
  return loaded;
}

function seal(key: NewKey, kdf: Kdf, secret: Uint8Array, nonce: Uint8Array): KeyFile {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(key.purpose)) throw new TypeError(`purpose ${key.purpose}`);
  if (key.seed.length !== 32) throw new TypeError(`the seed of ${key.purpose} is not 32 bytes`);
  const head = {
    version: 1,
    purpose: key.purpose,
    public: createSigner(key.seed).publicKey,
    kdf,
    cipher: 'aes-256-gcm',
    nonce: toHex(nonce),
  } as const;
  const cipher = createCipheriv(head.cipher, secret, nonce);
  cipher.setAAD(authenticated(head));
  const ciphertext = Buffer.concat([cipher.update(key.seed), cipher.final()]);
  return { ...head, ciphertext: toHex(ciphertext), tag: toHex(cipher.getAuthTag()) };
}

/** The seed, or undefined when passphrase and file do not belong together. */
function open(file: KeyFile, secret: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv(file.cipher, secret, fromHex(file.nonce), {
    authTagLength: 16,
  });
  decipher.setAAD(authenticated(file));
  decipher.setAuthTag(fromHex(file.tag));
  const seed = decipher.update(fromHex(file.ciphertext));
  try {
    decipher.final();
  } catch {
    return undefined; // the only failure that final() has: the tag does not match
  }
  return new Uint8Array(seed);
}

function authenticated(file: Omit<KeyFile, 'ciphertext' | 'tag'>): Uint8Array {
  const { version, purpose, public: publicKey, kdf, cipher } = file;
  return utf8(canonicalText({ version, purpose, public: publicKey, kdf: { ...kdf }, cipher }));
}

function deriveKey(passphrase: string, kdf: Kdf): Promise<Uint8Array> {
  const { N, r, p } = kdf;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // Node's default memory limit is below what N = 2^17 needs: 128·N·r bytes and a little.
  const options = { N, r, p, maxmem: 128 * r * (N + p + 2) + 2 ** 20 };
  // One passphrase has several encodings of its accented letters, depending on the keyboard's system.
  scrypt(passphrase.normalize('NFC'), fromHex(kdf.salt), 32, options, (error, key) => {
    if (error === null) resolve(key);
    else
      reject(new OperatingFault('keys.kdf', `scrypt failed: ${error.message}`, { cause: error }));
  });
  return promise;
}

function wrongPassphrase(directory: string): OperatingFault {
  return new OperatingFault(
    'keys.passphrase',
    `the passphrase does not open the keys in ${directory}: type it again, or point TIDEMARK_PASSPHRASE_FILE at the file that holds it`,
  );
}

function altered(path: string): OperatingFault {
  return new OperatingFault(
    'keys.altered',
    `${path} is not as it was written (altered, renamed, or from another folder): restore it from a backup`,
  );
}
