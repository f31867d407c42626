// Single targets from the command line, and what is shown of them: the same with a server and without.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256HexNative } from '@tidemark/canonical/native';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, type Ledger, type Run, type Serving } from './tidemark.ts';

const PATH = 'demo/a+b~1.0.tar.gz';
const OTHER = 'demo/other-1.0.tar.gz';
const CONTENT = { length: 7, sha256: sha256HexNative('content') };
const TARGET = { hashes: { sha256: CONTENT.sha256 }, length: CONTENT.length };
const stated = ['--length', '7', '--sha256', CONTENT.sha256];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Change {
  readonly path: string;
  readonly state: string;
  readonly code?: string;
  readonly snapshot?: number;
}

interface Shown {
  readonly path: string;
  readonly snapshot: number;
  readonly role: string;
  readonly version: number;
  readonly target: unknown;
}

/** What was done, one line a step: the exit status and what a script reads of it. */
type Story = readonly (readonly [step: string, code: number | null, said: unknown])[];

describe('a target’s life', () => {
  const stories = new Map<string, Promise<Story>>();
  const storyOf = (how: string): Promise<Story> => {
    const known = stories.get(how) ?? tell(how);
    stories.set(how, known);
    return known;
  };

  test.each(['with a server', 'without one'])('%s', { timeout: 120_000 }, async (how) => {
    const applied = { path: PATH, state: 'applied' };
    const refused = (code: string) => ({ path: PATH, state: 'rejected', code });
    const unchanged = { path: PATH, state: 'unchanged', code: 'unchanged' };
    const yanked = { ...TARGET, custom: { yanked: 'breaks' } };
    expect(await storyOf(how)).toEqual([
      ['yank', 1, refused('absent')],
      ['add', 0, applied],
      ['show', 0, TARGET],
      ['add again', 0, unchanged],
      ['add other content', 1, refused('conflict')],
      ['yank', 0, applied],
      ['yank with a reason', 0, applied],
      ['show', 0, yanked],
      ['add does not take it back', 0, unchanged],
      ['yank --undo', 0, applied],
      ['show', 0, TARGET],
      ['remove', 0, applied],
      ['show', 1, null],
      ['add other content after it is gone', 0, applied],
    ]);
  });
});

describe('what is shown', () => {
  let ledger: Ledger;
  let server: Serving;
  let snapshots: readonly number[];
  beforeAll(async () => {
    ledger = await newLedger('shown');
    server = await ledger.serve('--cut-interval', '50ms');
    const numbers: number[] = [];
    for (const args of [
      ['add', PATH, ...stated],
      ['yank', PATH],
      ['remove', PATH],
    ] as const) {
      const [command, ...rest] = args;
      const change = await ledger.json<Change>(command, ...rest, '--wait', 'published');
      numbers.push(change.snapshot!);
    }
    snapshots = numbers;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('--at shows a path as each snapshot had it', async () => {
    const [added = 0, yanked = 0, removed = 0] = snapshots;
    const at = async (n: number): Promise<unknown> => {
      const { stdout } = await ledger.run('show', PATH, '--at', String(n), '--json');
      const { snapshot, target } = JSON.parse(stdout) as Shown;
      expect(snapshot).toBe(n);
      return target;
    };
    expect(await at(added - 1)).toBe(null);
    expect(await at(added)).toEqual(TARGET);
    expect(await at(yanked - 1)).toEqual(TARGET);
    expect(await at(yanked)).toEqual({ ...TARGET, custom: { yanked: true } });
    expect(await at(removed)).toBe(null);
  });

  test('a snapshot that there is not is refused', async () => {
    for (const what of [PATH, 'bins', 'timestamp']) {
      const { code, stdout, stderr } = await ledger.run('show', what, '--at', '999');
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/there is no (snapshot 999|999\.timestamp\.json)/);
    }
  });

  test('roles: the newest, a version, and as a snapshot had them', async () => {
    const { role } = await show(ledger, PATH, String(snapshots[0]));
    for (const what of ['timestamp', 'snapshot', 'root', 'targets', 'bins', role, '1.root']) {
      const file = await ledger.json<{ signed: Record<string, unknown> }>('show', what);
      const type =
        { timestamp: 'timestamp', snapshot: 'snapshot', root: 'root' }[what] ?? 'targets';
      expect(file.signed['_type']).toBe(what === '1.root' ? 'root' : type);
    }
    const { version } = await show(ledger, PATH, String(snapshots[1]));
    const then = await ledger.json<File>('show', role, '--at', String(snapshots[1]));
    expect(then.signed.version).toBe(version);
    expect(Object.keys(then.signed.targets)).toEqual([PATH]);
    expect(await ledger.json('show', `${version}.${role}`)).toEqual(then);
    const now = await ledger.json<File>('show', role);
    expect(now.signed.targets).toEqual({});
  });

  test('for people: where it stands', async () => {
    const { stdout } = await ledger.run('show', PATH, '--at', String(snapshots[0]));
    expect(stdout).toMatch(
      new RegExp(`^${PATH.replace('+', '\\+')}\n  snapshot \\d+, \\d+\\.bin-[0-9a-f]{2}\\.json\n`),
    );
    const gone = await ledger.run('show', PATH);
    expect(gone.code).toBe(1);
    expect(gone.stdout).toMatch(/^demo\/a\+b~1\.0\.tar\.gz is not listed \(snapshot \d+, /);
  });

  test.each(['a/../b', '/a', 'a b', 'a?b#c', ''])('%j is no path', async (path) => {
    for (const command of ['show', 'yank']) {
      const { code, stdout, stderr } = await ledger.run(command, path);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/\(path\.[a-z_]+\)\n$/);
    }
  });

  test('status: for scripts, and for people', async () => {
    const status = await ledger.json<Record<string, unknown>>('status');
    expect(status).toMatchObject({
      running: true,
      bins: 64,
      partitions: 4,
      delegation: 'succinct',
      root_version: 1,
      fault: null,
    });
    expect(status['snapshot']).toBeGreaterThanOrEqual(snapshots[2]!);
    expect(status['classic_snapshot']).toBe(status['snapshot']);
    const { stdout } = await ledger.run('status');
    expect(stdout).toContain('a server is running');
    expect(stdout).toContain(String(status['merkle_root']));
  });
});

test('several paths at once are judged one by one', async () => {
  const ledger = await newLedger('several');
  await ledger.json('add', PATH, ...stated);
  const { code, stdout } = await ledger.run('yank', PATH, OTHER, '--json');
  expect(code).toBe(1);
  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Change).state)).toEqual(['applied', 'rejected']);
  const people = await ledger.run('remove', OTHER);
  expect(people.stdout).toMatch(/^demo\/other-1\.0\.tar\.gz: rejected in snapshot \d+ \(absent: /);
});

test('a file that cannot be read is refused before anything is sent', async () => {
  const ledger = await newLedger('unread');
  const missing = await ledger.run('add', PATH, '--file', join(folder.path, 'absent'));
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain('ENOENT');
  expect((await ledger.run('show', PATH)).code).toBe(1);
});

test('with a server, a change that is only stored says so, and is visible soon', async () => {
  const ledger = await newLedger('stored');
  await using server = await ledger.serve('--cut-interval', '300ms');
  const file = join(folder.path, 'bytes');
  await writeFile(file, 'content');
  const { code, stdout } = await ledger.run('add', PATH, '--file', file);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${PATH}: stored; it will be in the next snapshot\n`,
  });
  await ledger.json('add', OTHER, ...stated, '--wait', 'published');
  expect((await show(ledger, PATH)).target).toEqual(TARGET);
  for (const name of [`demo/${CONTENT.sha256}.a+b~1.0.tar.gz`, `${CONTENT.sha256}.${PATH}`]) {
    const { status, body } = await server.get(`targets/${name}`);
    expect([status, Buffer.from(body).toString()]).toEqual([200, 'content']);
  }
  expect((await server.get(`targets/${PATH}`)).status).toBe(404);
});

interface File {
  readonly signed: {
    readonly version: number;
    readonly targets: Readonly<Record<string, unknown>>;
  };
}

async function tell(how: string): Promise<Story> {
  const ledger = await newLedger(how.replaceAll(' ', '-'));
  await using server =
    how === 'with a server' ? await ledger.serve('--cut-interval', '50ms') : undefined;
  const story: [string, number | null, unknown][] = [];
  const step = async (
    title: string,
    command: string,
    ...args: readonly string[]
  ): Promise<void> => {
    const run = await ledger.run(command, PATH, ...args, '--json', '--wait', 'published');
    const { snapshot, ...said } = changeIn(run);
    expect(snapshot).toBeGreaterThan(0);
    story.push([title, run.code, said]);
  };
  const look = async (): Promise<void> => {
    const { code, stdout } = await ledger.run('show', PATH, '--json');
    story.push(['show', code, (JSON.parse(stdout) as Shown).target]);
  };
  const other = ['--length', '7', '--sha256', 'a'.repeat(64)];
  await step('yank', 'yank');
  await step('add', 'add', ...stated);
  await look();
  await step('add again', 'add', ...stated);
  await step('add other content', 'add', ...other);
  await step('yank', 'yank');
  await step('yank with a reason', 'yank', '--reason', 'breaks');
  await look();
  await step('add does not take it back', 'add', ...stated);
  await step('yank --undo', 'yank', '--undo');
  await look();
  await step('remove', 'remove');
  await look();
  await step('add other content after it is gone', 'add', ...other);
  expect(await server?.stop()).toBe(server && 0);
  return story;
}

function changeIn({ stdout }: Run): Change {
  const { path, state, code, snapshot } = JSON.parse(stdout) as Change;
  return {
    path,
    state,
    ...(code === undefined ? {} : { code }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
}

async function show(ledger: Ledger, path: string, at?: string): Promise<Shown> {
  const { stdout } = await ledger.run(
    'show',
    path,
    '--json',
    ...(at === undefined ? [] : ['--at', at]),
  );
  return JSON.parse(stdout) as Shown;
}

async function newLedger(name: string): Promise<Ledger> {
  return initLedger(join(folder.path, name), '--bins', '64');
}
