/** The search through delegated roles: in which order they are asked, and where it ends. */
import { utf8 } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { ed25519Key, succinctDelegations, targetsSigned } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../src/index.ts';
import { repository, signerOf, versionsIn } from './repository.ts';

describe('delegations', () => {
  test('are searched depth first, in order, until one terminates', async () => {
    const repo = repository();
    repo.delegate('targets', { name: 'a', paths: ['*'] }, { name: 'b', paths: ['*'] });
    repo.delegate(
      'a',
      { name: 'c', paths: ['x*'] },
      { name: 'd', paths: ['y*'], terminating: true },
    );
    for (const [role, path] of [
      ['b', 'x1'],
      ['c', 'x2'],
      ['b', 'y1'],
      ['d', 'y2'],
    ] as const) {
      repo.add(role, path);
    }
    repo.publishTargets('a', 'b', 'c', 'd', 'targets');
    repo.publish();
    const found = async (path: string): Promise<string | undefined> =>
      (await (await repo.client()).target(path))?.role;
    expect(await found('x1')).toBe('b');
    expect(await found('x2')).toBe('c');
    expect(await found('y2')).toBe('d');
    expect(await found('y1')).toBeUndefined();
    expect(repo.asked.filter((file) => /[abcd]\.json/.test(file)).slice(-2)).toEqual([
      '1.a.json',
      '1.d.json',
    ]);
  });

  test('lead through a bin to one file, whatever the number of bins', async () => {
    const repo = repository();
    const key = ed25519Key(signerOf('bin').publicKey);
    repo.delegate('targets', { name: 'bins', paths: ['*/*'] });
    repo.delegations.set('bins', succinctDelegations({ key, bits: 8, prefix: 'bin' }));
    repo.publishTargets('bins', 'targets');
    for (let i = 0; i < 256; i++) {
      const role = `bin-${i.toString(16).padStart(2, '0')}`;
      repo.serveTargets(
        role,
        1,
        repo.sign(role, targetsSigned({ version: 1, expiresMs: repo.expires }), ['bin']),
      );
    }
    repo.publish();
    const client = await repo.client();
    expect(await client.target('demo/none')).toBeUndefined();
    expect(repo.asked.at(-1)).toBe(`1.bin-${sha256HexNative(utf8('demo/none')).slice(0, 2)}.json`);
    expect(repo.asked).toHaveLength(6);
  });

  test('of circles and of too many end', async () => {
    const repo = repository();
    const names = Array.from({ length: 40 }, (_, i) => `r${i}`);
    repo.delegate('targets', ...names.map((name) => ({ name, paths: ['*'] })));
    for (const name of names) repo.delegate(name, { name: 'r1', paths: ['*'] });
    repo.publishTargets(...names, 'targets');
    repo.publish();
    const refused = { code: 'client.delegations' };
    await expect((await repo.client()).target('x')).rejects.toMatchObject(refused);
    const client = await repo.client({ limits: { roles: 39 } });
    await expect(client.target('x')).rejects.toMatchObject(refused);
    expect(await (await repo.client({ limits: { roles: 40 } })).target('x')).toBeUndefined();
  });

  test('to one name by two: each by its own keys', async () => {
    const repo = repository();
    repo.delegate(
      'targets',
      { name: 'a', paths: ['a*'] },
      { name: 'shared', paths: ['b*'], key: 'other' },
    );
    repo.delegate('a', { name: 'shared', paths: ['a*'], key: 'shared' });
    repo.add('shared', 'a1');
    repo.add('shared', 'b1');
    repo.publishTargets('shared', 'a', 'targets');
    repo.publish();
    const client = await repo.client();
    expect((await client.target('a1'))?.role).toBe('shared');
    await expect(client.target('b1')).rejects.toMatchObject({ code: 'tuf.threshold' });
  });

  test.each(['root', 'timestamp', 'snapshot', 'targets', ''])(
    'to a role called "%s" are refused',
    async (name) => {
      const repo = repository();
      const store = memoryStore();
      repo.delegate('targets', { name, paths: ['*'], key: 'x' });
      repo.publishTargets('targets');
      repo.publish();
      const client = await repo.client({ store });
      await expect(client.target('x')).rejects.toMatchObject({ code: 'tuf.role_name' });
      expect(await versionsIn(store)).toEqual([1, 2, 2, 0]);
    },
  );

  test('to a role that the snapshot does not list', async () => {
    const repo = repository();
    repo.delegate('targets', { name: 'a', paths: ['*'] });
    repo.publishTargets('targets');
    repo.publish();
    await expect((await repo.client()).target('x')).rejects.toMatchObject({
      code: 'client.unlisted',
    });
  });
});
