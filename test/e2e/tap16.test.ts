// TAP 16: what a running ledger says of single roles under its Merkle roots, the newest and older ones.
// Checked by our own verifier, by @sigstore/verify's, and against what snapshot.json states.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromHex, parseJson, RejectedInput } from '@tidemark/canonical';
import type { JsonObject } from '@tidemark/canonical';
import { sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import {
  leafData,
  openMultiproof,
  slotInMap,
  verifyTap16File,
  type MetaFile,
  type Tap16Map,
} from '@tidemark/merkle';
import { parseRoot, parseSnapshot, parseTimestamp, type Snapshot } from '@tidemark/tuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corruptions, sigstoreAccepts } from '../support/inclusion.ts';
import { temporaryFolder } from '../support/files.ts';
import { initLedger, type Serving } from './tidemark.ts';

const BITS = 10;
/** Roles of every partition and every kind, and some that there are none of. */
const BINS = ['bin-000', 'bin-001', 'bin-155', 'bin-2aa', 'bin-3ff'];
const ABSENT = ['project.absent', 'claimed', 'root', 'bin-400', 'timestamp'];

interface At {
  readonly n: number;
  readonly root: string;
  /** What snapshot.json of the same cut states, by role. */
  readonly stated: Snapshot['meta'];
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Serving;
let map: Tap16Map;
/** A ledger's first snapshot, one in between, and the newest. */
let snapshots: readonly At[];

beforeAll(async () => {
  folder = await temporaryFolder();
  const flags = ['--bins', String(2 ** BITS), '--partitions', '4'];
  const ledger = await initLedger(join(folder.path, 'index'), ...flags);
  const { tidemark } = parseRoot(ledger.root).signed;
  map = {
    slotBits: tidemark!.slot_bits,
    bins: { prefix: 'bin', bits: BITS },
    rolesMax: tidemark!.slot_roles_max,
  };
  server = await ledger.serve('--cut-interval', '50ms');
  const seen = [await newest()];
  for (let round = 0; round < 2; round++) {
    const file = join(folder.path, `${round}.tsv`);
    await writeFile(file, listOf(round));
    await ledger.json('import', file);
    seen.push(await newest());
  }
  snapshots = seen;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test('the roots differ', () => {
  expect(new Set(snapshots.map(({ root }) => root)).size).toBe(3);
});

describe.each([0, 1, 2])('snapshot %d of three', (i) => {
  test('every role is proved as snapshot.json of that cut states it', async () => {
    const { root, stated } = snapshots[i]!;
    for (const role of ['targets', 'bins', ...BINS]) {
      const { bytes, verified } = await proved(role, root);
      expect(verified).toEqual(statedFile(stated, `${role}.json`));
      const { leaf_contents: contents } = parseJson(bytes) as { leaf_contents: JsonObject };
      for (const [file, said] of Object.entries(contents)) {
        const { version, length, sha256 } = statedFile(stated, file);
        expect(said).toEqual({ hashes: { sha256 }, length, version });
      }
    }
  });

  test('the file of that version is served, and it is the one that was proved', async () => {
    const { root } = snapshots[i]!;
    for (const role of ['targets', 'bins', ...BINS]) {
      const { version, length, sha256 } = (await proved(role, root)).verified as MetaFile;
      const { status, body } = await server.get(`metadata/${version}.${role}.json`);
      expect([status, body.length, sha256HexNative(body)]).toEqual([200, length, sha256]);
    }
  });

  test('a role that does not exist is proved absent', async () => {
    const { root } = snapshots[i]!;
    for (const role of ABSENT) expect((await proved(role, root)).verified).toBe('absent');
  });

  test('sigstore finds every slot included, and no corrupted path', async () => {
    const { root } = snapshots[i]!;
    for (const role of ['targets', 'bins', ...BINS, ...ABSENT]) {
      const { data, slot, path } = partsOf(role, (await proved(role, root)).bytes);
      const size = 2 ** map.slotBits;
      expect(sigstoreAccepts(data, slot, size, path, fromHex(root))).toBe(true);
      expect(corruptions(path)).toHaveLength(map.slotBits);
      for (const bad of corruptions(path)) {
        expect(sigstoreAccepts(data, slot, size, bad, fromHex(root))).toBe(false);
      }
    }
  });

  test('each hash corrupted in turn is refused', async () => {
    const { root } = snapshots[i]!;
    for (const role of ['targets', BINS[2]!, ABSENT[0]!]) {
      const { bytes } = await proved(role, root);
      const text = Buffer.from(bytes).toString('latin1');
      const hashes = [...text.matchAll(/"([0-9a-f]{64})"/g)];
      expect(hashes.length).toBeGreaterThanOrEqual(map.slotBits);
      for (const { index, 1: hash } of hashes) {
        const bad = hash!.replace(/./, (digit) => (digit === 'a' ? 'b' : 'a'));
        const forged = `${text.slice(0, index)}"${bad}"${text.slice(index + 66)}`;
        expect(() => verify(Buffer.from(forged), role, root)).toThrow(RejectedInput);
      }
      expect(() => verify(bytes, role, snapshots[(i + 1) % 3]!.root)).toThrow(RejectedInput);
      expect(() => verify(bytes, BINS[0]!, root)).toThrow(RejectedInput);
      expect(verify(bytes, role, root)).toBeDefined();
    }
  });
});

describe.each([0, 1, 2])('several roles of snapshot %i at once', (i) => {
  const all = ['targets', 'bins', ...BINS, ...ABSENT];

  test('come in one proof, which says the same as one each', async () => {
    const { root } = snapshots[i]!;
    const bytes = await provedTogether(all, root);
    const slots = new Map(all.map((role) => [role, slotInMap(role, map, sha256Native)]));
    const proofs = openMultiproof(bytes, slots.values(), root, map, sha256Native);
    for (const [role, slot] of slots) {
      const { verified } = await proved(role, root);
      expect([role, proofs.get(slot)!.get(role) ?? 'absent']).toEqual([role, verified]);
    }
    const others = [...slots.values()].slice(1);
    expect(() => openMultiproof(bytes, others, root, map)).toThrow(RejectedInput);
    const other = snapshots[(i + 1) % 3]!.root;
    expect(() => openMultiproof(bytes, slots.values(), other, map)).toThrow(RejectedInput);
  });

  test('in one that is smaller than theirs together', async () => {
    const { root } = snapshots[i]!;
    const each = await Promise.all(
      all.map(async (role) => (await proved(role, root)).bytes.length),
    );
    const together = (await provedTogether(all, root)).length;
    expect(together).toBeLessThan(each.reduce((sum, bytes) => sum + bytes, 0) * 0.75);
  });
});

test('there is nothing under a root that was never published, nor under no name', async () => {
  const root = snapshots[2]!.root;
  const other = root.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  for (const path of [
    `${other}/targets`,
    `${root.toUpperCase()}/targets`,
    `${root}/..%2fx`,
    root,
  ]) {
    expect((await server.get(`merkle/${path}.json`)).status).toBe(404);
  }
});

/** The newest snapshot, once snapshot.json is of the same cut. */
async function newest(): Promise<At> {
  const timestamp = parseTimestamp((await server.get('metadata/timestamp.json')).body);
  const { version, snapshot } = timestamp.signed;
  expect(snapshot.version).toBe(version);
  const { body } = await server.get(`metadata/${version}.snapshot.json`);
  const root = (timestamp.json['signed'] as JsonObject)['merkle_root'] as string;
  return { n: version, root, stated: parseSnapshot(body).signed.meta };
}

function statedFile(stated: At['stated'], file: string) {
  const { version, length, hashes } = stated.get(file)!;
  return { version, length, sha256: hashes!.get('sha256') };
}

async function provedTogether(roles: readonly string[], root: string): Promise<Uint8Array> {
  const url = new URL(`merkle/${root}/proofs`, server.url);
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ roles }) });
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

async function proved(
  role: string,
  root: string,
): Promise<{ readonly bytes: Uint8Array; readonly verified: MetaFile | 'absent' }> {
  const { status, body } = await server.get(`merkle/${root}/${role}.json`);
  expect(status).toBe(200);
  return { bytes: body, verified: verify(body, role, root) };
}

function verify(bytes: Uint8Array, role: string, root: string): MetaFile | 'absent' {
  const native = verifyTap16File(bytes, role, root, map, sha256Native);
  expect(verifyTap16File(bytes, role, root, map)).toEqual(native);
  return native;
}

function partsOf(role: string, bytes: Uint8Array) {
  const file = parseJson(bytes) as { leaf_contents: JsonObject; merkle_path: JsonObject };
  const slot = slotInMap(role, map, sha256Native);
  const path = Array.from({ length: map.slotBits }, (_, level) =>
    fromHex(file.merkle_path[String(level)] as string),
  );
  return { data: leafData(slot, file.leaf_contents), slot, path };
}

function listOf(round: number): string {
  const lines = Array.from({ length: 500 }, (_, i) => {
    const path = `pool/r${round}/p${i}_1.0.deb`;
    return `${path}\t${100 + i}\t${sha256HexNative(path)}\n`;
  });
  return lines.join('');
}
