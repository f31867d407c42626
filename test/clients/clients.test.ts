// The client harness on a small repository made by python-tuf itself: both clients accept it, see what
// it holds, and refuse it after each attack. So a verdict on our own repositories means something.
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireComponent } from '../support/component.ts';
import { serveFolder, temporaryFolder } from '../support/files.ts';
import { providePythonTuf } from '../support/provision.ts';
import { askPythonTuf, runPython } from './python.ts';
import { askTufJs } from './tuf-js.ts';
import type { ClientReport, ClientRequest } from './report.ts';

const PATHS = ['pool/a+b~1.deb', 'yanked', 'unserved', 'absent'];

await requireComponent('python-tuf', providePythonTuf, 'client harness', (interpreter) => {
  describe.each([
    ['python-tuf', (request: ClientRequest) => askPythonTuf(interpreter, request)],
    ['tuf-js', askTufJs],
  ])('%s', (name, ask) => {
    const withRepository = async (
      use: (repository: Repository) => Promise<void>,
    ): Promise<void> => {
      await using folder = await temporaryFolder();
      await runPython(interpreter, [join(import.meta.dirname, 'make-repository.py'), folder.path]);
      await using server = await serveFolder(folder.path);
      const metadata = join(folder.path, 'metadata');
      const request = {
        metadataUrl: `${server.url}metadata/`,
        targetUrl: `${server.url}targets/`,
        root: await readFile(join(metadata, '1.root.json')),
        paths: PATHS,
      };
      await use({ path: folder.path, metadata, request, ask });
    };

    test('reports present, yanked, undownloadable and absent targets, and its cost', async () => {
      await withRepository(async ({ request, metadata }) => {
        const report = await ask(request);
        expect(report.client).toMatch(name === 'tuf-js' ? 'tuf-js 6.0.2' : 'python-tuf 7.0.1');
        expect(report.refresh).toEqual({ result: 'ok' });
        expect(report.targets).toEqual({
          'pool/a+b~1.deb': present('pool/a+b~1.deb', null),
          yanked: present('yanked', { yanked: true }),
          unserved: { result: 'error', error: 'DownloadHTTPError', message: expect.any(String) },
          absent: { result: 'absent' },
        });
        const files = await readdir(metadata);
        expect(report.requests).toBeGreaterThanOrEqual(8);
        expect(report.requests).toBeLessThanOrEqual(files.length + 4);
        expect(report.bytes).toBeGreaterThan(1000);
        expect(report.seconds).toBeGreaterThan(0);
      });
    });

    test('download: false needs no files', async () => {
      await withRepository(async ({ request }) => {
        const { targets } = await ask({ ...request, paths: ['unserved'], download: false });
        expect(targets).toEqual({ unserved: present('unserved', null) });
      });
    });

    test('a forged target file is refused', async () => {
      await withRepository(async ({ path, request }) => {
        const hash = present('yanked', null).sha256;
        await writeFile(join(path, 'targets', `${hash}.yanked`), 'content of yankee\n');
        const { targets } = await ask({ ...request, paths: ['yanked'] });
        expect(targets['yanked']).toMatchObject({ result: 'error' });
      });
    });

    test('a forged bin is refused, the other bins stay usable', async () => {
      await withRepository(async ({ metadata, request }) => {
        for (const bin of (await readdir(metadata)).filter((each) => each.startsWith('1.bin-'))) {
          const file = join(metadata, bin);
          const text = await readFile(file, 'utf8');
          await writeFile(file, text.replace('"yanked":true', '"yanked":null'));
        }
        const { targets } = await ask({ ...request, paths: ['yanked', 'pool/a+b~1.deb'] });
        expect(targets['yanked']).toMatchObject({ result: 'error' });
        expect(targets['pool/a+b~1.deb']).toMatchObject({ result: 'ok' });
      });
    });

    test('a forged timestamp fails the refresh, and a kept folder trusts what it had', async () => {
      await withRepository(async ({ path, metadata, request }) => {
        const kept = { ...request, folder: join(path, 'client') };
        expect((await ask(kept)).refresh).toEqual({ result: 'ok' });
        const file = join(metadata, 'timestamp.json');
        const honest = await readFile(file, 'utf8');
        await writeFile(file, honest.replace(/"version":1}}$/, '"version":2}}'));
        const trusted = await readFile(join(path, 'client/metadata/timestamp.json'), 'utf8');
        expect(await readFile(file, 'utf8')).not.toBe(honest);
        const report = await ask(kept);
        expect(report.refresh).toMatchObject({ result: 'error' });
        expect(report.targets).toEqual({});
        expect(await readFile(join(path, 'client/metadata/timestamp.json'), 'utf8')).toBe(trusted);
        await rename(file, `${file}.forged`);
        await rm(`${file}.forged`);
        expect((await ask(kept)).refresh).toMatchObject({ error: 'DownloadHTTPError' });
        await writeFile(file, honest);
        expect((await ask(kept)).refresh).toEqual({ result: 'ok' });
      });
    });
  });
});

interface Repository {
  readonly path: string;
  readonly metadata: string;
  readonly request: ClientRequest;
  readonly ask: (request: ClientRequest) => Promise<ClientReport>;
}

function present(
  path: string,
  custom: unknown,
): { result: 'ok'; length: number; sha256: string; custom: unknown } {
  const data = `content of ${path}\n`;
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { result: 'ok', length: data.length, sha256, custom };
}
