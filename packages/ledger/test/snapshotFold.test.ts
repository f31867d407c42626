/** Snapshots: files by the TUF builders, when there is a new one, a log that proves them. */
import { canonicalText, fromHex, fromUtf8, utf8, type JsonObject } from '@tidemark/canonical';
import { sha256HexNative, sha256Native, verifyEd25519Native } from '@tidemark/canonical/native';
import { slotOfRole } from '@tidemark/bin';
import { keyIdOfPublic, signedSlice } from '@tidemark/event';
import {
  combineRoots,
  decodeVerifierKey,
  leafHash,
  makeTap16File,
  MerkleTree,
  openCheckpoint,
  verifyInclusion,
  verifyTap16File,
} from '@tidemark/merkle';
import {
  lintRepository,
  parseSnapshot,
  signMetadata,
  snapshotSigned,
  timestampSigned,
} from '@tidemark/tuf';
import { nativeVerifiers } from '@tidemark/tuf/native';
import { describe, expect, test } from 'vitest';
import {
  checking,
  classicDue,
  leafText,
  PartitionView,
  signing,
  SnapshotFold,
  type PartitionCut,
  type SnapshotFoldState,
} from '../src/index.ts';
import { KEYS, SnapshotRun, uploadOf } from './snapshotRun.ts';
import { codeOf, DAY, HOUR, T0 } from './support.ts';
import { keyOf, ROOT_KEYS, roleKeys, rootOptions } from './testLedger.ts';

describe('the files of a snapshot', () => {
  test('are those of the TUF builders', async () => {
    const run = await SnapshotRun.open();
    run.partitions[0]!.events.push(uploadOf(1));
    const cut = run.cut();
    const parts = await run.draft(cut);
    const made = run.fold.assemble(signing(KEYS))!;
    const meta = new Map(
      parts.flatMap(({ roles }) =>
        roles.map(
          ([name, version, length, sha256]) => [name, { version, length, sha256 }] as const,
        ),
      ),
    );
    expect(meta.size).toBe(18);
    const snapshot = signMetadata(snapshotSigned({ version: 1, expiresMs: cut.time + DAY, meta }), [
      KEYS.snapshot,
    ]);
    expect(fromUtf8(made.snapshot!)).toBe(fromUtf8(snapshot));
    const stated = { version: 1, length: snapshot.length, sha256: sha256HexNative(snapshot) };
    const roots = parts.map(({ subtree }) => fromHex(subtree.map));
    const merkleRoot = Buffer.from(combineRoots(roots, sha256Native).root).toString('hex');
    const timestamp = signMetadata(
      timestampSigned({ version: 1, expiresMs: cut.time + DAY, snapshot: stated, merkleRoot }),
      [KEYS.timestamp],
    );
    expect(fromUtf8(made.timestamp)).toBe(fromUtf8(timestamp));
    expect(made.leaf).toEqual({
      n: 1,
      time: cut.time,
      merkle_root: merkleRoot,
      timestamp: sha256HexNative(timestamp),
      snapshot: stated,
      root: 1,
      partitions: parts.map(({ subtree: { events, leaves, map } }) => ({ events, leaves, map })),
      control: { size: 4, root: Buffer.from(controlRoot(run, 4)).toString('hex') },
    });
  });

  test.each(['succinct', 'prefixes'] as const)(
    '%s: have no fault that clients mind',
    async (delegation) => {
      const run = await SnapshotRun.open({ delegation });
      const files = new Map<string, Uint8Array>();
      const put = (): void => {
        for (const { partition } of run.partitions) {
          const { heads, bodies } = partition;
          for (let bin = heads.first; bin < heads.first + heads.count; bin++) {
            const version = heads.version(bin);
            files.set(`${version}.bin-${bin.toString(16)}.json`, bodies.file(bin, version)!);
          }
        }
      };
      const { root, targets, bins } = run.ledger.fold.view.documents;
      for (const { role, bytes } of [root!, targets!, bins!]) files.set(`1.${role}.json`, bytes);
      for (let n = 1; n <= 4; n++) {
        const { snapshot, timestamp } = await run.add([uploadOf(n)]);
        files.set(`${n}.snapshot.json`, snapshot!);
        files.set('timestamp.json', timestamp);
        put();
      }
      const options = { now: T0 + 5000, verifiers: nativeVerifiers, sha256: sha256Native };
      expect(lintRepository(files, options)).toEqual([]);
    },
  );

  test('prove each role by TAP 16, also where slots are shared and the bins are called bins', async () => {
    for (const prefix of ['bins', 'targets', 'bin']) {
      const run = await SnapshotRun.open({ prefix, slotBits: 4 });
      const views = run.partitions.map(({ partition }) => new PartitionView(partition));
      const folded: number[] = [];
      for (let n = 1; n <= 3; n++) {
        await run.add([uploadOf(n)]);
        run.partitions.forEach((each, p) => views[p]!.committed(each.folded[n - 1]!.view));
        folded.push(n);
      }
      const { genesis } = run.ledger;
      const map = { slotBits: 4, bins: genesis, rolesMax: 64 };
      const names = Array.from({ length: 16 }, (_, i) => `${prefix}-${i.toString(16)}`);
      for (const n of folded) {
        const { leaf } = run.snapshots[n - 1]!;
        const { paths } = combineRoots(
          leaf.partitions.map((heads) => fromHex(heads.map)),
          sha256Native,
        );
        for (const name of ['targets', 'bins', ...names]) {
          const slot = slotOfRole(name, genesis, 4, sha256HexNative);
          const proof = await views[slot >> 3]!.proof(name, n);
          const contents = JSON.parse(proof.contents) as JsonObject;
          expect(canonicalText(contents)).toBe(proof.contents);
          const file = makeTap16File(slot, contents, [...proof.path, ...paths[slot >> 3]!]);
          const proved = verifyTap16File(file, name, leaf.merkle_root, map, sha256Native);
          expect(proved).toMatchObject({ version: versionAt(run, name, n) });
        }
      }
    }
  });

  /** The version of a role that snapshot.json n states. */
  function versionAt(run: SnapshotRun, role: string, n: number): number {
    return parseSnapshot(run.snapshots[n - 1]!.snapshot!).signed.meta.get(`${role}.json`)!.version;
  }
});

describe('when there is a new snapshot.json', () => {
  /** The versions that snapshots state, by cut times after T0. */
  const versions = async (
    classic_ms: number | null,
    times: readonly number[],
  ): Promise<number[]> => {
    const run = await SnapshotRun.open({ policy: { classic_ms } });
    const stated: number[] = [];
    for (const time of times) {
      const made = await run.add([], { time: T0 + time });
      expect(made.snapshot !== undefined).toBe(made.classic.version === made.leaf.n);
      expect(made.signatures.snapshot !== null).toBe(made.snapshot !== undefined);
      stated.push(made.leaf.snapshot.version);
    }
    return stated;
  };

  test.each([
    [0, [0, 0, 1, 500], [1, 2, 3, 4]],
    [1000, [0, 999, 1000, 1001, 1999, 2000, 5000], [1, 1, 3, 3, 3, 6, 7]],
    [1000, [0, 0, 0], [1, 1, 1]],
    [null, [0, HOUR, 12 * HOUR - 1, 12 * HOUR, 13 * HOUR], [1, 1, 1, 4, 4]],
    [DAY, [0, 12 * HOUR - 1, 12 * HOUR], [1, 1, 3]],
  ])('classic_ms %s at %j: %j', async (classic, times, wanted) => {
    expect(await versions(classic, times)).toEqual(wanted);
  });

  test('is a function of the policy that the cut covers', async () => {
    const run = await SnapshotRun.open({ policy: { classic_ms: null } });
    const { classic } = await run.add([]);
    const cut = (policy: object) => ({ view: { ...run.ledger.fold.view, policy } }) as never;
    const { policy } = run.ledger.fold.view;
    expect(classicDue(classic, cut(policy))).toBe(classic.time + 12 * HOUR);
    expect(classicDue(classic, cut({ ...policy, classic_ms: 7 }))).toBe(classic.time + 7);
    run.ledger.policy(1, { classic_ms: 0 });
    expect((await run.add([])).leaf.snapshot.version).toBe(2);
  });

  test('a root that takes the snapshot key away makes one due', async () => {
    const run = await SnapshotRun.open({ policy: { classic_ms: null } });
    await run.add([]);
    expect((await run.add([])).leaf.snapshot.version).toBe(1);
    const roles = { ...rootOptions().roles, snapshot: roleKeys([keyOf('snapshot 2')]) };
    run.ledger.document('root', run.ledger.root({ version: 2, roles }, ROOT_KEYS));
    await run.draft(run.cut());
    const made = run.fold.assemble(signing({ ...KEYS, snapshot: keyOf('snapshot 2') }))!;
    expect(made.leaf).toMatchObject({ root: 2, snapshot: { version: 3 } });
    expect(made.signatures.snapshot?.keyid).toBe(keyIdOfPublic(keyOf('snapshot 2').publicKey));
    expect(run.fold.assemble(checking(made.signatures))).toEqual(made);
  });
});

describe('the snapshot log', () => {
  test('has leaf n for snapshot n, genesis before them, under a checkpoint that opens', async () => {
    const run = await SnapshotRun.open();
    const tree = new MerkleTree(sha256Native);
    tree.append(run.ledger.genesisBytes);
    const key = decodeVerifierKey(
      run.ledger.fold.view.documents.root!.envelope.signed.tidemark!.checkpoint,
    );
    for (let n = 1; n <= 7; n++) {
      const { leaf, checkpoint, timestamp } = await run.add([uploadOf(n)]);
      tree.append(utf8(leafText(leaf)));
      const opened = openCheckpoint(checkpoint, key, verifyEd25519Native);
      expect(opened).toEqual({ origin: key.name, size: n + 1, root: tree.root() });
      const claim = {
        leafHash: leafHash(utf8(leafText(leaf)), sha256Native),
        index: n,
        size: n + 1,
        root: opened.root,
      };
      verifyInclusion(claim, tree.inclusionProof(n), sha256Native);
      expect(leaf.timestamp).toBe(sha256HexNative(timestamp));
    }
  });

  test('has the void record in place of a leaf', async () => {
    const run = await SnapshotRun.open();
    const { leaf } = await run.add([]);
    run.cut();
    run.ledger.void(2);
    const record = run.ledger.records.at(-1)!;
    for (const { partition } of run.partitions) {
      await partition.foldVoid(2, run.ledger.fold.last.hash);
    }
    expect(codeOf(() => run.fold.settleVoid(3, record))).toBe('BrokenInvariant snapshot.order');
    expect(codeOf(() => run.fold.settleVoid(1, record))).toBe('BrokenInvariant snapshot.order');
    run.fold.settleVoid(2, record);
    const third = await run.add([]);
    const tree = new MerkleTree(sha256Native);
    tree.append(run.ledger.genesisBytes);
    tree.append(utf8(leafText(leaf)));
    tree.append(signedSlice(record));
    tree.append(utf8(leafText(third.leaf)));
    const key = decodeVerifierKey(
      run.ledger.fold.view.documents.root!.envelope.signed.tidemark!.checkpoint,
    );
    expect(openCheckpoint(third.checkpoint, key, verifyEd25519Native)).toEqual({
      origin: key.name,
      size: 4,
      root: tree.root(),
    });
  });
});

describe('a fold that continues at a stored state', () => {
  test('comes to the same snapshots', async () => {
    const run = await SnapshotRun.open({ policy: { classic_ms: 2500 } });
    for (let n = 1; n <= 5; n++) await run.add([uploadOf(n)]);
    const state = JSON.parse(JSON.stringify(run.fold.state())) as SnapshotFoldState;
    const image = run.fold.table.encode();
    const { ledger } = run;
    const other = new SnapshotFold(ledger.genesis, ledger.genesisBytes);
    other.table.decode(image);
    other.resume(state);
    expect(other.n).toBe(5);
    expect(other.nextControl).toBe(state.control.size);
    for (let n = 6; n <= 8; n++) {
      run.partitions[0]!.events.push(uploadOf(n));
      const cut = run.cut();
      const parts = await run.draft(cut);
      while (other.nextControl < ledger.records.length) {
        other.controlRecord(ledger.records[other.nextControl]!);
      }
      other.draft(cut, parts);
      const made = run.fold.assemble(signing(KEYS))!;
      expect(other.assemble(checking(made.signatures))).toEqual(made);
      run.fold.settle(made);
      other.settle(made);
      expect(other.state()).toEqual(run.fold.state());
      expect(other.table.encode()).toEqual(run.fold.table.encode());
    }
  });

  test('is rid of the draft that a void spoilt', async () => {
    const run = await SnapshotRun.open();
    await run.add([]);
    const state = run.fold.state()!;
    const image = run.fold.table.encode();
    run.partitions[0]!.events.push(uploadOf(1));
    await run.draft(run.cut());
    expect(run.fold.hasDraft).toBe(true);
    run.ledger.void(2);
    const record = run.ledger.records.at(-1)!;
    expect(codeOf(() => run.fold.settleVoid(2, record))).toBe('BrokenInvariant snapshot.order');
    run.fold.table.decode(image);
    run.fold.resume(state);
    expect(run.fold.hasDraft).toBe(false);
    run.fold.settleVoid(2, record);
    expect(run.fold.n).toBe(2);
  });
});

describe('what does not fit is a broken invariant', () => {
  const ready = async (): Promise<{ run: SnapshotRun; parts: PartitionCut[] }> => {
    const run = await SnapshotRun.open();
    const cut = run.cut();
    const parts: PartitionCut[] = await run.draft(cut);
    run.fold.settle(run.fold.assemble(signing(KEYS))!);
    return { run, parts };
  };

  test('a cut out of order', async () => {
    const { run, parts } = await ready();
    run.cut();
    const third = run.cut();
    expect(codeOf(() => run.fold.draft(third, parts))).toBe('BrokenInvariant snapshot.order');
  });

  test('control records that were not read', async () => {
    const { run, parts } = await ready();
    const second = run.cut();
    expect(codeOf(() => run.fold.draft(second, parts))).toBe('BrokenInvariant snapshot.control');
  });

  test('a role of another ledger', async () => {
    const { run, parts } = await ready();
    const second = run.cut();
    run.readControl();
    const [first, ...rest] = parts;
    const roles = [...first!.roles, ['bin-10', 1, 1, 'a'.repeat(64), ''] as const];
    const run1 = () => run.fold.draft(second, [{ ...first!, roles }, ...rest]);
    expect(codeOf(run1)).toBe('BrokenInvariant snapshot.role');
  });
});

function controlRoot(run: SnapshotRun, size: number): Uint8Array {
  const tree = new MerkleTree(sha256Native);
  for (const record of run.ledger.records.slice(0, size)) tree.append(record);
  return tree.root();
}
