/** What makes a snapshot sealed: signatures made or checked alike, of just its own files and leaf. */
import { signRecord, type SealedSigned } from '@tidemark/event';
import { ed25519Key, type Key } from '@tidemark/tuf';
import { describe, expect, test } from 'vitest';
import { checking, isSealOf, signing, type Snapshot } from '../src/index.ts';
import { KEYS, SnapshotRun, uploadOf } from './snapshotRun.ts';
import { codeOf } from './support.ts';
import { keyOf, ROOT_KEYS, rootOptions } from './testLedger.ts';

describe('signatures', () => {
  const drafted = async (): Promise<SnapshotRun> => {
    const run = await SnapshotRun.open();
    await run.add([uploadOf(1)]);
    run.partitions[0]!.events.push(uploadOf(2));
    await run.draft(run.cut());
    return run;
  };

  test('checked give the same snapshot as made', async () => {
    const run = await drafted();
    const made = run.fold.assemble(signing(KEYS))!;
    expect(run.fold.assemble(checking(made.signatures))).toEqual(made);
    expect(run.fold.assemble(signing(KEYS))).toEqual(made);
  });

  test('altered in any place are refused', async () => {
    const run = await drafted();
    const { signatures } = run.fold.assemble(signing(KEYS))!;
    const flip = (text: string, at: number): string =>
      text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
    const altered: SealedSigned['signatures'][] = [];
    const { timestamp, snapshot, checkpoint } = signatures as Required<typeof signatures> & {
      snapshot: { keyid: string; sig: string };
    };
    for (let at = 0; at < 128; at++) {
      altered.push(
        { ...signatures, timestamp: { ...timestamp, sig: flip(timestamp.sig, at) } },
        { ...signatures, snapshot: { ...snapshot, sig: flip(snapshot.sig, at) } },
        { ...signatures, checkpoint: flip(checkpoint, at) },
      );
    }
    altered.push(
      { ...signatures, snapshot: null },
      { ...signatures, timestamp: { ...timestamp, keyid: snapshot.keyid } },
      { ...signatures, snapshot: { ...snapshot, keyid: timestamp.keyid } },
      { ...signatures, timestamp: { ...timestamp, keyid: 'a'.repeat(64) } },
      { ...signatures, timestamp: snapshot, snapshot: timestamp },
      { ...signatures, checkpoint: timestamp.sig },
    );
    for (const other of altered) expect(run.fold.assemble(checking(other))).toBeUndefined();
  });

  test('of an earlier snapshot do not fit', async () => {
    const run = await drafted();
    const [first] = run.snapshots;
    expect(run.fold.assemble(checking(first!.signatures))).toBeUndefined();
  });

  test.each(['timestamp', 'snapshot', 'checkpoint'] as const)(
    'with a %s key that root does not list cannot be made',
    async (purpose) => {
      const run = await drafted();
      const run1 = () => run.fold.assemble(signing({ ...KEYS, [purpose]: keyOf('other') }));
      expect(codeOf(run1)).toBe(`BrokenInvariant keys.${purpose}`);
    },
  );

  test.each(['timestamp', 'snapshot', 'checkpoint'] as const)(
    'that came out wrong from the %s key do not leave the process',
    async (purpose) => {
      const run = await drafted();
      const key = KEYS[purpose];
      const faulty = {
        publicKey: key.publicKey,
        sign: (message: Uint8Array) => {
          const signature = Uint8Array.from(key.sign(message));
          signature[40]! ^= 1;
          return signature;
        },
      };
      const run1 = () => run.fold.assemble(signing({ ...KEYS, [purpose]: faulty }));
      expect(codeOf(run1)).toBe('BrokenInvariant keys.fault');
    },
  );

  test('by a key of another kind that root lists are none', async () => {
    const run = await SnapshotRun.open();
    const rsa: Key = {
      keytype: 'rsa',
      scheme: 'rsassa-pss-sha256',
      keyval: { public: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' },
    };
    const { roles } = rootOptions();
    const timestamp = { keys: [ed25519Key(KEYS.timestamp.publicKey), rsa], threshold: 1 };
    run.ledger.document(
      'root',
      run.ledger.root({ version: 2, roles: { ...roles, timestamp } }, ROOT_KEYS),
    );
    await run.draft(run.cut());
    const { signatures } = run.fold.assemble(signing(KEYS))!;
    const root = run.ledger.fold.view.documents.root!.envelope.signed;
    expect(root.version).toBe(2);
    const keyid = root.roles.timestamp.keyids.find((id) => root.keys.get(id)?.keytype === 'rsa')!;
    const named = { ...signatures, timestamp: { ...signatures.timestamp, keyid } };
    expect(run.fold.assemble(checking(named))).toBeUndefined();
  });
});

test('a sealed record is a seal of just its own snapshot', async () => {
  const run = await SnapshotRun.open({ policy: { classic_ms: 1500 } });
  await run.add([uploadOf(1)]);
  const cut = run.cut();
  await run.draft(cut);
  const snapshot: Snapshot = run.fold.assemble(signing(KEYS))!;
  expect(snapshot.snapshot).toBeUndefined();
  const sealed: SealedSigned = {
    type: 'sealed',
    v: 1,
    ledger: run.ledger.genesis.ledger,
    n: cut.n,
    cut: cut.hash,
    leaf: snapshot.leaf,
    signatures: snapshot.signatures,
  };
  expect(isSealOf(sealed, cut, snapshot)).toBe(true);
  const { leaf, signatures } = sealed;
  const others: SealedSigned[] = [
    { ...sealed, cut: 'a'.repeat(64) },
    { ...sealed, leaf: { ...leaf, time: leaf.time + 1 } },
    { ...sealed, leaf: { ...leaf, root: 2 } },
    { ...sealed, leaf: { ...leaf, control: { ...leaf.control, size: 1 } } },
    { ...sealed, leaf: { ...leaf, partitions: leaf.partitions.toReversed() } },
    { ...sealed, signatures: { ...signatures, snapshot: signatures.timestamp } },
  ];
  for (const other of others) expect(isSealOf(other, cut, snapshot)).toBe(false);
  // It goes through the control log like that.
  const record = signRecord(sealed, [keyOf('publisher')]);
  expect(run.ledger.append(record)).toMatchObject({ type: 'sealed', sealed: { n: 2 } });
});
