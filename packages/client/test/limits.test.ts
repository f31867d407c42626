/** How much a client takes: each limit to the byte, and what a signed file states instead of one. */
import type { JsonObject } from '@tidemark/canonical';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../src/ports.ts';
import { FIRST, versionsOnly, withstood } from './attack.ts';
import { repository, type Repository } from './repository.ts';

describe('a file whose length nobody states', () => {
  test.each([
    ['root', LIMITS.rootBytes],
    ['timestamp', LIMITS.timestampBytes],
    ['snapshot', LIMITS.snapshotBytes],
    ['targets', LIMITS.targetsBytes],
  ])('%s has %i bytes at the most', async (role, bytes) => {
    const exact = repository();
    fill(exact, role, bytes);
    expect(lengthOf(exact, role)).toBe(bytes);
    expect((await (await exact.client()).target(FIRST))?.path).toBe(FIRST);
    const moved = { root: [], timestamp: [], snapshot: ['timestamp'] }[role];
    await withstood({
      spoil: (repo) => fill(repo, role, bytes + 1),
      code: 'client.length',
      moved: moved ?? ['snapshot', 'timestamp'],
    });
  });

  test('is bounded as its reader wishes', async () => {
    const timestampBytes = lengthOf(repository(), 'timestamp');
    const limits = { timestampBytes, statedBytes: 100 };
    const asked = (await repository().client({ limits })).refresh();
    // Past the timestamp, to what it states.
    await expect(asked).rejects.toThrow(/^1\.snapshot\.json is longer than 100 bytes/);
    const less = { timestampBytes: timestampBytes - 1 };
    await withstood({ spoil: publishAll, limits: less, code: 'client.length' });
  });
});

describe('a stated length', () => {
  test('lets a file be longer than without one', async () => {
    const limits = { snapshotBytes: 1, targetsBytes: 1 };
    expect(await (await repository().client({ limits })).target(FIRST)).toBeDefined();
  });

  test.each(['snapshot', 'targets'])('of %s has a limit of its own', async (role) => {
    const publish = (each: Repository): void => {
      each.alter = (name, signed) =>
        name === role ? { ...signed, padding: 'x'.repeat(4000) } : signed;
      publishAll(each);
    };
    const repo = repository();
    publish(repo);
    const statedBytes = lengthOf(repo, role);
    expect(await (await repo.client({ limits: { statedBytes } })).target(FIRST)).toBeDefined();
    await withstood({
      spoil: publish,
      limits: { statedBytes: statedBytes - 1 },
      code: 'client.length',
      moved: role === 'snapshot' ? ['timestamp'] : ['snapshot', 'timestamp'],
    });
  });

  test.each([
    ['snapshot', -1],
    ['snapshot', 1],
    ['targets', -1],
    ['targets', 1],
  ])('of %s that is off by %i', async (role, off) => {
    await withstood({
      spoil: (repo) => {
        const lists = role === 'snapshot' ? 'timestamp' : 'snapshot';
        repo.alter = (name, signed) => (name === lists ? statedAs(signed, role, off) : signed);
        publishAll(repo);
      },
      code: 'client.length',
      moved: role === 'snapshot' ? ['timestamp'] : ['snapshot', 'timestamp'],
    });
  });
});

test('as many new roots as the limit', async () => {
  const limits = { roots: 3 };
  const repo = repository();
  for (let i = 0; i < 3; i++) repo.publishRoot();
  await (await repo.client({ limits })).refresh();
  repo.publishRoot();
  await expect((await repo.client({ limits })).refresh()).rejects.toMatchObject({
    code: 'client.roots',
  });
});

test('as many roles as the limit', async () => {
  const repo = repository();
  const names = ['a', 'b', 'c'];
  repo.delegate('targets', ...names.map((name) => ({ name, paths: ['*'] })));
  repo.publishTargets(...names, 'targets');
  repo.publish();
  const asked = async (roles: number) => (await repo.client({ limits: { roles } })).target('x');
  expect(await asked(3)).toBeUndefined();
  await expect(asked(2)).rejects.toMatchObject({ code: 'client.delegations' });
});

/** Publishes a version of all whose file of one role has so many bytes; who lists it says nothing of it but its version. */
function fill(repo: Repository, role: string, bytes: number): void {
  const alterBy = (padding: string) => (name: string, signed: JsonObject) => {
    const unstated = name === 'timestamp' || name === 'snapshot' ? versionsOnly(signed) : signed;
    return name === role ? { ...unstated, padding } : unstated;
  };
  const before = { ...repo.versions };
  repo.alter = alterBy('');
  publishAll(repo, role);
  const room = bytes - lengthOf(repo, role);
  Object.assign(repo.versions, before);
  repo.alter = alterBy('x'.repeat(room));
  publishAll(repo, role);
}

function publishAll(repo: Repository, role?: string): void {
  if (role === 'root') repo.publishRoot();
  repo.publishTargets('targets');
  repo.publish();
}

function lengthOf(repo: Repository, role: string): number {
  const name = role === 'timestamp' ? 'timestamp' : `${repo.versions[role]}.${role}`;
  return repo.files.get(`metadata/${name}.json`)!.length;
}

function statedAs(signed: JsonObject, role: string, off: number): JsonObject {
  const meta = signed['meta'] as JsonObject;
  const file = meta[`${role}.json`] as JsonObject;
  const length = (file['length'] as number) + off;
  return { ...signed, meta: { ...meta, [`${role}.json`]: { ...file, length } } };
}
