// TLS on the public listener: by configuration, with another certificate at SIGHUP, never with a bad one.
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { makeCertificate, provideOpenssl, type Pair } from './certificate.ts';
import { initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: Ledger;
let first: Pair;
let second: Pair;
beforeAll(async () => {
  folder = await temporaryFolder();
  ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
});
afterAll(() => folder[Symbol.asyncDispose]());

async function configure(tls: Partial<Pair> & { min_version?: string }): Promise<string> {
  const file = join(folder.path, 'serve.json');
  await writeFile(file, JSON.stringify({ tls }));
  return file;
}

/** Over a connection that trusts one certificate alone. */
async function statusOf(server: Serving, { cert }: Pair): Promise<number | undefined> {
  const ca = await readFile(cert);
  return new Promise((resolve, reject) => {
    get(new URL('metadata/timestamp.json', server.url), { ca, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    }).once('error', reject);
  });
}

async function refusal(server: Serving, pair: Pair): Promise<string> {
  return statusOf(server, pair).then(
    () => 'accepted',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
}

async function until(server: Serving, said: string): Promise<void> {
  while (!server.stderr.includes(said)) await delay(20);
}

await requireComponent('openssl', provideOpenssl, 'TLS', () => {
  beforeAll(() => {
    first = makeCertificate(folder.path, 'first');
    second = makeCertificate(folder.path, 'second');
  });

  test('serves the certificate that it is given, and the next one at SIGHUP', async () => {
    const used = { cert: join(folder.path, 'used.pem'), key: join(folder.path, 'used.key') };
    const use = async (pair: Pair): Promise<void> => {
      await copyFile(pair.cert, used.cert);
      await copyFile(pair.key, used.key);
    };
    await use(first);
    await using server = await ledger.serve('--config', await configure(used));
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await statusOf(server, first)).toBe(200);
    expect(await refusal(server, second)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');

    // A key of another certificate: told, and the old one stays.
    await copyFile(second.key, used.key);
    server.signal('SIGHUP');
    await until(server, '(tls.certificate)');
    expect(await statusOf(server, first)).toBe(200);

    await use(second);
    server.signal('SIGHUP');
    await until(server, 'the certificate has been read again');
    expect(await statusOf(server, second)).toBe(200);
    expect(await refusal(server, first)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    // Its own commands go through the socket, as ever.
    expect(await ledger.json('status')).toMatchObject({ running: true });
    expect(await server.stop()).toBe(0);
  });

  test('refuses a version that is too old', async () => {
    const file = await configure({ ...first, min_version: 'TLSv1.3' });
    await using server = await ledger.serve('--config', file);
    const { hostname, port } = new URL(server.url);
    const ca = await readFile(first.cert);
    const outcome = await new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), ca, maxVersion: 'TLSv1.2' });
      socket.once('secureConnect', () => resolve('accepted'));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(outcome).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(await statusOf(server, first)).toBe(200);
  });

  test.each<[string, () => Promise<object>, string]>([
    ['a certificate without its key', async () => ({ cert: first.cert }), 'tls.cert needs tls.key'],
    ['a key of another', async () => ({ ...first, key: second.key }), '(tls.certificate)'],
    [
      'no file',
      async () => ({ ...first, cert: join(folder.path, 'x') }),
      'cannot be read (ENOENT)',
    ],
    [
      'an old version',
      async () => ({ ...first, min_version: 'TLSv1.1' }),
      'one of TLSv1.2, TLSv1.3',
    ],
    [
      'a key that all can read',
      async () => {
        const key = join(folder.path, 'open.key');
        await copyFile(first.key, key);
        await chmod(key, 0o644);
        return { ...first, key };
      },
      '(file.permissions)',
    ],
  ])('%s is refused, with and without --check', async (_, tls, said) => {
    const file = await configure(await tls());
    for (const args of [['--check'], []]) {
      const { code, stdout, stderr } = await tidemark([
        'serve',
        ledger.folder,
        '--config',
        file,
        ...args,
      ]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(said);
      expect(stderr).toContain('(config.invalid)');
    }
  });
});
