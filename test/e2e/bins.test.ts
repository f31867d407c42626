// `tidemark bins plan`: what it reckons with is what a ledger publishes, byte for byte; and the command itself.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import { measureFiles } from '@tidemark/cli';
import { parseSnapshot, parseTargets, parseTimestamp } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, tidemark, type Serving } from './tidemark.ts';

const PATH_BYTES = 76;
const FILE_BYTES = 2_184_393;

describe.each([
  { bits: 6, targets: 3000, delegation: 'succinct' },
  { bits: 10, targets: 5000, delegation: 'prefixes' },
] as const)('2^$bits bins, $delegation', ({ bits, targets, delegation }) => {
  test('files are as long as they were measured', { timeout: 180_000 }, async () => {
    await using folder = await temporaryFolder();
    const flags = ['--bins', String(2 ** bits), '--delegation', delegation];
    const ledger = await initLedger(join(folder.path, 'index'), ...flags);
    const list = join(folder.path, 'list.tsv');
    await writeFile(list, listOf(targets));
    expect(await ledger.json('import', list)).toMatchObject({ added: targets });
    await using server = await ledger.serve();
    const timestampBytes = await get(server, 'metadata/timestamp.json');
    const timestamp = parseTimestamp(timestampBytes).signed;
    const { version, length } = timestamp.snapshot;
    const snapshotBytes = await get(server, `metadata/${version}.snapshot.json`);
    const { meta } = parseSnapshot(snapshotBytes).signed;
    const shape = { bits, pathBytes: PATH_BYTES, fileBytes: FILE_BYTES, snapshotVersion: version };
    const measured = measureFiles({ ...shape, targets, binVersion: 1 });

    expect(measured.targets).toBe(meta.get('targets.json')!.length);
    expect(measured.delegations[delegation]).toEqual({
      bytes: meta.get('bins.json')!.length,
      whole: true,
    });
    expect(measured.timestamp).toBe(
      timestampBytes.length + digits(measured.snapshot.bytes) - digits(length!),
    );

    // What every bin adds to the files that state it, beyond the bin of average length and version 1.
    let more = 0;
    let bytes = 0;
    let proofs = 0;
    let empty = 0;
    const sizes = new Map<string, number>();
    for (const [name, stated] of meta) {
      if (!name.startsWith('bin-')) continue;
      const file = await get(server, `metadata/${stated.version}.${name}`);
      expect(file.length).toBe(stated.length);
      const { size } = parseTargets(file).signed.targets;
      if (size === 0) empty++;
      const key = `${size} ${digits(stated.version)}`;
      const expected =
        sizes.get(key) ??
        measureFiles({ ...shape, targets: size * 2 ** bits, binVersion: stated.version }).bin.bytes;
      sizes.set(key, expected);
      expect(file.length).toBe(expected);
      bytes += file.length - (digits(stated.version) - 1);
      more += digits(stated.version) - 1 + digits(file.length) - digits(measured.bin.bytes);
      proofs += await proofLength(server, timestamp.merkleRoot!, name);
    }
    // A mean counts a comma for every target but one of each bin: an empty bin has none to save.
    expect(bytes - empty).toBeCloseTo(measured.bin.bytes * 2 ** bits, 3);
    // Where others state bins.json, it is reckoned to have the form succinct.
    const succinct = measured.delegations.succinct!.bytes;
    const longer = digits(meta.get('bins.json')!.length!) - digits(succinct);
    expect(snapshotBytes.length).toBe(measured.snapshot.bytes + more + longer);
    expect(proofs).toBe(measured.binProof * 2 ** bits + more);
    const offline = await Promise.all(
      ['targets.json', 'bins.json'].map((name) => proofLength(server, timestamp.merkleRoot!, name)),
    );
    expect(offline[0]! + offline[1]!).toBe(measured.offlineProofs + longer);
  });
});

describe('the command', () => {
  test('prints tables, the rule and the choice', async () => {
    const { code, stdout, stderr } = await tidemark(['bins', 'plan', '--targets', '2273539']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ +16,384 +139 +26\.\d kB +~2\.28 MB +922 B +~2\.98 MB +1\.45 kB$/m);
    expect(stdout).toMatch(/^V7 bin +54,349 +26,\d{3}$/m);
    expect(stdout).toMatch(/^V15 +9 % +107 %$/m);
    expect(stdout).toMatch(/^Rule: the fewest bins at which /m);
    expect(stdout).toMatch(/^Choose 4,096 bins with the delegation succinct /m);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(150);
  });

  test('takes what an operator knows, and prints one JSON object', async () => {
    const known = {
      users: 50_000,
      visits: 24,
      new: 40,
      downloads: 20,
      repeated: 80,
      uploads: 300,
      snapshots: 86_400,
      'targets-per-file': 1,
      'file-bytes': 900_000,
      'path-bytes': 64,
    };
    const flags = Object.entries(known).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const args = ['bins', 'plan', '--targets', '63440', ...flags, '--json'];
    const { code, stdout } = await tidemark(args);
    expect(code).toBe(0);
    expect(stdout.trimEnd()).not.toContain('\n');
    const plan = parsePlan(stdout);
    expect(plan.demand).toEqual({
      targets: 63_440,
      path_bytes: 64,
      file_bytes: 900_000,
      users: 50_000,
      visits: 24,
      new_share: 0.4,
      downloads: 20,
      targets_per_file: 1,
      repeated_share: 0.8,
      uploads: 300,
      snapshots: 86_400,
      snapshots_between_visits: 3600,
    });
    expect(plan.files_sent).toBe(50_000 * 24 * 20 * 900_000);
    expect(plan.candidates.map(({ bins }) => bins)).toEqual(
      Array.from({ length: 13 }, (_, i) => 2 ** (8 + i)),
    );
    expect(plan.candidates[9]!.sent.classic['prefixes']).toBeNull();
    expect(plan.pep458.constants).toMatchObject({ C8: 63_440, C9: 900_000, C10: 16_384 });
    expect(Object.keys(plan.pep458.values)).toHaveLength(17);
    expect(plan.choice.classic['succinct']).toEqual({ bins: expect.any(Number), keeps_rule: true });
  });

  test.each<[string, string[], string]>([
    ['no targets', [], '--targets'],
    ['targets that are no number', ['--targets', 'many'], 'a whole number'],
    ['none', ['--targets', '0'], 'a whole number from 1'],
    ['more than all', ['--targets', '1', '--new', '101'], 'from 0 to 100'],
    ['an unknown option', ['--targets', '1', '--user', '5'], 'Did you mean --users?'],
  ])('%s is a mistake in usage', async (_, args, said) => {
    const { code, stdout, stderr } = await tidemark(['bins', 'plan', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });

  test('has help with examples', async () => {
    const { code, stdout } = await tidemark(['bins', 'plan', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Examples:\n {2}npx tidemark bins plan --targets 2273539$/m);
    for (const option of ['users', 'visits', 'new', 'downloads', 'repeated', 'snapshots']) {
      expect(stdout).toMatch(new RegExp(`^  --${option} <`, 'm'));
    }
  });
});

interface Printed {
  readonly demand: JsonObject;
  readonly files_sent: number;
  readonly pep458: { readonly constants: JsonObject; readonly values: JsonObject };
  readonly candidates: readonly {
    readonly bins: number;
    readonly sent: Readonly<Record<'classic' | 'tap16', JsonObject>>;
  }[];
  readonly choice: Readonly<Record<'classic' | 'tap16', JsonObject>>;
}

function parsePlan(text: string): Printed {
  return JSON.parse(text) as Printed;
}

/** Targets whose paths and lengths are all equally long. */
function listOf(targets: number): string {
  return Array.from({ length: targets }, (_, i) => {
    const path = `list/file-${i}-`.padEnd(PATH_BYTES, 'x');
    return `${path}\t${FILE_BYTES + i}\t${sha256HexNative(path)}\n`;
  }).join('');
}

async function get(server: Serving, path: string): Promise<Uint8Array> {
  const { status, body } = await server.get(path);
  expect([path, status]).toEqual([path, 200]);
  return body;
}

/** Length of a role's TAP 16 file; what it says of other roles in the same slot does not count. */
async function proofLength(server: Serving, root: string, name: string): Promise<number> {
  const file = await get(server, `merkle/${root}/${name}`);
  const { leaf_contents: contents } = parseJson(file) as { leaf_contents: JsonObject };
  const own = { [name]: contents[name] };
  return file.length - JSON.stringify(contents).length + JSON.stringify(own).length;
}

function digits(n: number): number {
  return String(Math.round(n)).length;
}
