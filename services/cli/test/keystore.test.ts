/** Encrypted keys: tampered, swapped, wide open, wrong passphrase. */
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OperatingFault, toHex } from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { listKeys, readKeys, writeKeys } from '../src/folder/keystore.ts';
import { writePrivateFiles } from '@tidemark/runtime';

/** Quick to derive, and still within the bounds. */
const CHEAP = { N: 2 ** 14, r: 8, p: 1 };
const PASSPHRASE = 'correct horse';

const scrypts = vi.hoisted(() => ({ count: 0 }));
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  const scrypt = (...rest: Parameters<typeof crypto.scrypt>): void => {
    scrypts.count++;
    crypto.scrypt(...rest);
  };
  return { ...crypto, scrypt };
});

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'tidemark-keys-')), 'keys');
  scrypts.count = 0;
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

/** Counts up: every call gives other bytes, every run the same. */
function counter(): (bytes: number) => Uint8Array {
  let calls = 0;
  return (bytes) => new Uint8Array(bytes).fill(++calls);
}

const seedOf = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const pathOf = (purpose: string): string => join(directory, `${purpose}.key.json`);

async function writeThree(): Promise<void> {
  const keys = ['timestamp', 'snapshot', 'bins'].map((purpose, i) => ({
    purpose,
    seed: seedOf(i + 1),
  }));
  await writeKeys(directory, keys, PASSPHRASE, counter(), CHEAP);
}

async function edit(purpose: string, change: (json: KeyJson) => void): Promise<void> {
  const json = JSON.parse(await readFile(pathOf(purpose), 'utf8')) as KeyJson;
  change(json);
  await writeFile(pathOf(purpose), JSON.stringify(json));
}

interface KeyJson {
  [field: string]: unknown;
  kdf: Record<string, unknown>;
}

async function faultOf(promise: Promise<unknown>): Promise<OperatingFault> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof OperatingFault)) throw new Error(`no fault: ${String(error)}`);
  return error;
}

describe('honest use', () => {
  test('every key comes back under its purpose, for one scrypt', async () => {
    await writeThree();
    scrypts.count = 0;
    const keys = await readKeys(directory, PASSPHRASE);
    expect(scrypts.count).toBe(1);
    expect([...keys.keys()]).toEqual(['bins', 'snapshot', 'timestamp']);
    const message = new Uint8Array([1, 2, 3]);
    expect(toHex(keys.get('snapshot')?.signer.sign(message) ?? new Uint8Array())).toBe(
      toHex(createSigner(seedOf(2)).sign(message)),
    );
    expect(keys.get('snapshot')?.seed).toEqual(seedOf(2));
  });

  test('files are private, and list without a passphrase', async () => {
    await writeThree();
    expect((await readdir(directory)).toSorted()).toEqual(
      ['bins', 'snapshot', 'timestamp'].map((purpose) => `${purpose}.key.json`),
    );
    expect((await stat(pathOf('bins'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await listKeys(directory)).toContainEqual({
      purpose: 'timestamp',
      public: createSigner(seedOf(1)).publicKey,
      path: pathOf('timestamp'),
    });
  });

  test('the seed is nowhere in the file, and the parameters are the stated ones by default', async () => {
    await writeKeys(directory, [{ purpose: 'root-1', seed: seedOf(0xab) }], PASSPHRASE, counter());
    const text = await readFile(pathOf('root-1'), 'utf8');
    expect(text).not.toContain('abababab');
    expect(JSON.parse(text)).toMatchObject({
      version: 1,
      purpose: 'root-1',
      public: createSigner(seedOf(0xab)).publicKey,
      kdf: { name: 'scrypt', N: 131072, r: 8, p: 1, salt: '01'.repeat(32) },
      cipher: 'aes-256-gcm',
      nonce: '02'.repeat(12),
    });
    expect((await readKeys(directory, PASSPHRASE)).get('root-1')?.seed).toEqual(seedOf(0xab));
  });

  test('keys added later share the salt; another passphrase cannot add any', async () => {
    await writeThree();
    const more = [{ purpose: 'checkpoint', seed: seedOf(9) }];
    const refused = await faultOf(writeKeys(directory, more, 'another one', counter()));
    expect(refused.code).toBe('keys.passphrase');
    expect(await readdir(directory)).toHaveLength(3);
    await writeKeys(directory, more, PASSPHRASE, counter());
    scrypts.count = 0;
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(4);
    expect(scrypts.count).toBe(1);
  });

  test('an absent folder has no keys; é typed as one or two code points is one passphrase', async () => {
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(0);
    await writeKeys(
      directory,
      [{ purpose: 'a', seed: seedOf(1) }],
      'caf\u00e9 caf\u00e9',
      counter(),
      CHEAP,
    );
    expect((await readKeys(directory, 'cafe\u0301 cafe\u0301')).size).toBe(1);
  });
});

describe('attacks and faults', () => {
  test('a wrong passphrase says what to do', async () => {
    await writeThree();
    const fault = await faultOf(readKeys(directory, 'wrong horse'));
    expect(fault.code).toBe('keys.passphrase');
    expect(fault.message).toContain('TIDEMARK_PASSPHRASE_FILE');
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(3);
  });

  const flip = (hex: unknown): string => {
    const text = String(hex);
    return (text.startsWith('0') ? '1' : '0') + text.slice(1);
  };
  test.each(['ciphertext', 'tag', 'nonce', 'public'])('a flipped digit in %s', async (field) => {
    await writeThree();
    await edit('snapshot', (json) => (json[field] = flip(json[field])));
    const fault = await faultOf(readKeys(directory, PASSPHRASE));
    expect(fault.code).toBe('keys.altered');
    expect(fault.message).toContain(pathOf('snapshot'));
  });

  test('a purpose swapped inside the file, under the name that fits it', async () => {
    await writeThree();
    await rm(pathOf('timestamp'));
    await edit('snapshot', (json) => (json['purpose'] = 'timestamp'));
    await rename(pathOf('snapshot'), pathOf('timestamp'));
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.altered');
  });

  test('a file under another key’s name, and one hidden under a new name', async () => {
    await writeThree();
    await rename(pathOf('snapshot'), pathOf('timestamp'));
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.altered');
    expect((await faultOf(listKeys(directory))).code).toBe('keys.altered');
  });

  test('another public key with its own valid-looking file stays closed', async () => {
    await writeThree();
    const other = `${directory}-other`;
    await writeKeys(
      other,
      [{ purpose: 'bins', seed: seedOf(7) }],
      'attacker knows',
      counter(),
      CHEAP,
    );
    await rename(join(other, 'bins.key.json'), pathOf('bins'));
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.altered');
  });

  test.each([0o640, 0o604, 0o602, 0o777])('mode %o is refused with the command', async (mode) => {
    await writeThree();
    await chmod(pathOf('bins'), mode);
    const fault = await faultOf(readKeys(directory, PASSPHRASE));
    expect(fault.code).toBe('file.permissions');
    expect(fault.message).toContain(`chmod 600 '${pathOf('bins')}'`);
    await chmod(pathOf('bins'), 0o400);
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(3);
  });

  const costs: [string, (kdf: Record<string, unknown>) => void][] = [
    ['N of 2^30', (kdf) => (kdf['N'] = 2 ** 30)],
    ['N of 2', (kdf) => (kdf['N'] = 2)],
    ['N no power of two', (kdf) => (kdf['N'] = 2 ** 14 + 1)],
    ['r and N together over 1 GiB', (kdf) => Object.assign(kdf, { N: 2 ** 20, r: 16 })],
    ['p of 1000', (kdf) => (kdf['p'] = 1000)],
    ['a text for N', (kdf) => (kdf['N'] = '16384')],
    ['another function', (kdf) => (kdf['name'] = 'pbkdf2')],
    ['a short salt', (kdf) => (kdf['salt'] = '00')],
  ];
  test.each(costs)('a key file with %s costs nothing', async (_, change) => {
    await writeThree();
    await edit('bins', (json) => change(json.kdf));
    scrypts.count = 0;
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.format');
    expect(scrypts.count).toBe(0);
  });

  test('parameters lowered within the bounds do not open it', async () => {
    await writeKeys(directory, [{ purpose: 'a', seed: seedOf(1) }], PASSPHRASE, counter(), {
      ...CHEAP,
      p: 2,
    });
    await edit('a', (json) => (json.kdf['p'] = 1));
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.passphrase');
  });

  test.each(['', 'no JSON', '[]', '{"version":2}', 'x'.repeat(5000)])(
    'no key file: %j',
    async (text) => {
      await writeThree();
      await writeFile(pathOf('bins'), text);
      expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe(
        text.length > 4096 ? 'file.too_long' : 'keys.format',
      );
    },
  );

  test('a folder of many salts does not get a scrypt for each', async () => {
    for (let i = 1; i <= 9; i++) {
      const one = [{ purpose: `k${i}`, seed: seedOf(i) }];
      await writeKeys(
        `${directory}-${i}`,
        one,
        PASSPHRASE,
        (n) => new Uint8Array(n).fill(i),
        CHEAP,
      );
      await mkdir(directory, { recursive: true });
      await rename(join(`${directory}-${i}`, `k${i}.key.json`), pathOf(`k${i}`));
    }
    scrypts.count = 0;
    expect((await faultOf(readKeys(directory, PASSPHRASE))).code).toBe('keys.format');
    expect(scrypts.count).toBeLessThanOrEqual(8);
    await rm(pathOf('k9'));
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(8);
  });

  test('nothing is overwritten, and of a set that clashes nothing is written', async () => {
    await writeThree();
    const before = await readFile(pathOf('bins'), 'utf8');
    const set = ['aaa', 'bins'].map((purpose) => ({ purpose, seed: seedOf(8) }));
    expect((await faultOf(writeKeys(directory, set, PASSPHRASE, counter()))).code).toBe(
      'file.exists',
    );
    expect(await readFile(pathOf('bins'), 'utf8')).toBe(before);
    expect(await readdir(directory)).toHaveLength(3);
  });

  test('what a crash left behind neither counts as a key nor is in the way', async () => {
    await writeThree();
    await writeFile(join(directory, `.next.key.json.${process.pid}.tmp`), 'half', { mode: 0o644 });
    expect((await readKeys(directory, PASSPHRASE)).size).toBe(3);
    await writeKeys(directory, [{ purpose: 'next', seed: seedOf(4) }], PASSPHRASE, counter());
    expect((await readKeys(directory, PASSPHRASE)).get('next')?.seed).toEqual(seedOf(4));
    expect(await readdir(directory)).toHaveLength(4);
  });

  test('a failed write leaves no part of the set', async () => {
    await mkdir(directory);
    const files = [
      { name: 'one', bytes: new Uint8Array(3) },
      { name: 'n'.repeat(250), bytes: new Uint8Array(3) },
    ];
    expect((await faultOf(writePrivateFiles(directory, files))).code).toBe('file.write');
    expect(await readdir(directory)).toEqual([]);
  });
});
