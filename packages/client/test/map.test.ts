/** With the Merkle map in place of snapshot.json: what is asked for, and what is made of what a server without proofs serves. */
import { describe, expect, test } from 'vitest';
import { A, B, ledger, watchedStore } from './ledger.ts';
import { downloaded } from './repository.ts';

describe.each(['succinct', 'prefixes'] as const)('with bins by %s', (form) => {
  test('a first refresh and target: no snapshot, a proof for each role as it gets known', async () => {
    const repo = ledger({ form });
    const client = await repo.client();
    expect(await client.target(A)).toMatchObject({ path: A, role: repo.binOf(A) });
    const [root] = repo.roots.slice(-1);
    const bin = repo.binOf(A);
    expect(repo.asked).toEqual([
      '2.root.json',
      'timestamp.json',
      `merkle/${root}/targets.json`,
      '1.targets.json',
      `merkle/${root}/bins.json`,
      '1.bins.json',
      `merkle/${root}/${bin}.json`,
      `2.${bin}.json`,
    ]);
    expect(await downloaded(client, A)).toBe(`content of ${A}`);
  });

  test('afterwards: timestamp, one proof for the whole path, and the bin if it is another', async () => {
    const repo = ledger({ form });
    const { store } = watchedStore();
    await (await repo.client({ store })).target(A);
    repo.upload(B);
    repo.publish();
    repo.asked.length = 0;
    expect(await (await repo.client({ store })).target(A)).toBeDefined();
    const [second, third] = repo.roots.slice(-2);
    expect(second).not.toBe(third);
    expect(repo.asked).toEqual(['2.root.json', 'timestamp.json', `merkle/${third}/proofs`]);

    repo.upload(`${A}.asc`);
    repo.asked.length = 0;
    repo.publish();
    expect(await (await repo.client({ store })).target(`${A}.asc`)).toBeDefined();
    const bin = repo.binOf(`${A}.asc`);
    expect(repo.asked.slice(2)).toEqual([`merkle/${repo.roots.at(-1)}/proofs`, `2.${bin}.json`]);
  });
});

test('several paths: as many questions as for one', async () => {
  const repo = ledger();
  const paths = Array.from({ length: 40 }, (_, i) => `many/${i}`);
  for (const path of paths) repo.upload(path);
  repo.publish();
  const { store } = watchedStore();
  const client = await repo.client({ store });
  const found = await client.targets([...paths, 'many/absent', paths[0]!]);
  expect(found.map((each) => each?.path)).toEqual([...paths, undefined, paths[0]]);
  const questions = () => repo.asked.filter((path) => path.startsWith('merkle/')).length;
  expect(questions()).toBe(3);
  repo.asked.length = 0;
  await (await repo.client({ store })).targets(paths);
  expect(repo.asked.slice(2)).toEqual([`merkle/${repo.roots.at(-1)}/proofs`]);
});

test('while the timestamp stays, proofs are asked for once', async () => {
  const repo = ledger();
  const client = await repo.client();
  await client.target(A);
  repo.asked.length = 0;
  await client.refresh();
  await client.target(A);
  expect(repo.asked).toEqual(['2.root.json', 'timestamp.json']);
});

test('a client that goes on follows the newest map', async () => {
  const repo = ledger();
  const client = await repo.client({ merkle: 'demanded' });
  await client.target(A);
  const later = `${A}.asc`;
  expect(await client.target(later)).toBeUndefined();
  repo.upload(later);
  repo.publish();
  await client.refresh();
  expect(await client.target(later)).toMatchObject({ path: later });
});

test('without the map: of two files of one version the one that the snapshot states counts', async () => {
  const repo = ledger();
  const { store, contents } = watchedStore();
  const bin = repo.binOf(A);
  await (await repo.client({ store, merkle: 'unused' })).target(A);
  repo.versions[bin]!--;
  repo.add(bin, 'demo/more');
  repo.publishTargets(bin);
  repo.publish();
  await (await repo.client({ store, merkle: 'unused' })).target(A);
  expect((await contents())[bin]).toContain('demo/more');
});

test('a path that nobody lists is not found, a removed one no more', async () => {
  const repo = ledger();
  const { store } = watchedStore();
  expect(await (await repo.client({ store })).target('demo/none')).toBeUndefined();
  repo.targets.get(repo.binOf(A))!.delete(A);
  repo.publishTargets(repo.binOf(A));
  repo.publish();
  expect(await (await repo.client({ store })).target(A)).toBeUndefined();
});

describe('a server', () => {
  test('that answers no questions has files', async () => {
    const repo = ledger();
    const { store } = watchedStore();
    repo.proofs = 'files';
    await (await repo.client({ store })).target(A);
    repo.asked.length = 0;
    repo.upload(A);
    repo.publish();
    await (await repo.client({ store, merkle: 'demanded' })).target(A);
    const root = repo.roots.at(-1);
    const bin = repo.binOf(A);
    expect(repo.asked.slice(2)).toEqual([
      `merkle/${root}/proofs`,
      ...['targets', 'bins', bin].map((role) => `merkle/${root}/${role}.json`),
      `3.${bin}.json`,
    ]);
  });

  test('without proofs has snapshot.json, which does where it may', async () => {
    const repo = ledger();
    repo.proofs = 'none';
    const { store, contents } = watchedStore();
    await expect(
      repo.client({ store, merkle: 'demanded' }).then((client) => client.refresh()),
    ).rejects.toMatchObject({ code: 'client.merkle' });
    expect(Object.keys(await contents())).toEqual(['root', 'timestamp']);
    expect(await (await repo.client({ store })).target(A)).toBeDefined();
    expect(Object.keys(await contents())).toContain('snapshot');
  });

  test('is not asked for proofs that are not wanted', async () => {
    const repo = ledger();
    expect(await (await repo.client({ merkle: 'unused' })).target(A)).toBeDefined();
    expect(repo.asked.filter((path) => path.startsWith('merkle/'))).toEqual([]);
  });

  test('whose snapshot.json is behind takes back nothing that the map has shown', async () => {
    const repo = ledger();
    const { store, contents } = watchedStore();
    const bin = repo.binOf(A);
    await (await repo.client({ store })).target(A);
    // The map goes on by a version, snapshot.json does not.
    repo.upload(A);
    const behind = { version: 2, length: 0, sha256: '' };
    const bytes = repo.files.get('metadata/2.snapshot.json')!;
    repo.publishTimestamp({ ...behind, ...repo.stated(bytes) });
    await (await repo.client({ store })).target(A);
    const seen = (await contents())[bin];
    expect(seen).toContain('"version":3');
    repo.proofs = 'none';
    expect(await (await repo.client({ store })).target(A)).toBeDefined();
    expect((await contents())[bin]).toBe(seen);
  });
});

test('a ledger that changes the number of its bins is followed', async () => {
  const repo = ledger();
  const { store } = watchedStore();
  await (await repo.client({ store })).targets([A, B]);
  repo.bits = 5;
  for (const role of repo.targets.keys()) if (role.startsWith('bin-')) repo.forget(role);
  repo.publishBins();
  for (const path of [A, B]) repo.upload(path);
  repo.publish();
  const found = await (await repo.client({ store })).targets([A, B]);
  expect(found.map((each) => each?.role)).toEqual([A, B].map((path) => repo.binOf(path)));
});

test('a repository whose root states no map is read by its snapshot', async () => {
  const repo = ledger();
  repo.tidemark = undefined;
  repo.publishRoot();
  expect(await (await repo.client()).target(A)).toBeDefined();
  expect(repo.asked).toContain('2.snapshot.json');
});
