/** TAP 16 files: honest, corrupted, and checked by an independent verifier. */
import { slotOfRole } from '@tidemark/bin';
import { RejectedInput, encodeCanonical, parseJson, sha256Hex, toHex } from '@tidemark/canonical';
import type { Json, JsonObject } from '@tidemark/canonical';
import { sha256Native } from '@tidemark/canonical/native';
import { describe, expect, test } from 'vitest';
import { SlotTree, leafData, makeTap16File, slotHash, verifyTap16File } from '../src/index.ts';
import { corruptions, sigstoreAccepts } from '../../../test/support/inclusion.ts';

const map = { slotBits: 6, bins: { prefix: 'bin', bits: 4 }, rolesMax: 3 };
const shape = { slotBits: map.slotBits, partitionBits: 0, partition: 0 };
const slotOf = (role: string): number => slotOfRole(role, map.bins, map.slotBits, sha256Hex);

const roles = [
  'targets',
  'claimed',
  'project.naïve/"x"',
  ...Array.from({ length: 16 }, (_, i) => `bin-${i.toString(16)}`),
];
const metaFile = (i: number) => ({
  hashes: { sha256: i.toString(16).padStart(64, 'c') },
  length: 100 + i,
  version: i + 1,
});

const contents = new Map<number, JsonObject>();
roles.forEach((role, i) => {
  const slot = slotOf(role);
  contents.set(slot, { ...contents.get(slot), [`${role}.json`]: metaFile(i) });
});

function treeOf(slots: ReadonlyMap<number, JsonObject>): SlotTree {
  const tree = new SlotTree(shape, sha256Native);
  tree.update([...slots].map(([slot, json]) => ({ slot, hash: slotHash(slot, json) })));
  return tree;
}
const tree = treeOf(contents);
const root = toHex(tree.root());
const fileOf = (slot: number): Uint8Array =>
  makeTap16File(slot, contents.get(slot) ?? {}, tree.path(slot));

/** The file of a role with some members replaced. */
function altered(role: string, change: (file: JsonObject) => Json): Uint8Array {
  const file = parseJson(fileOf(slotOf(role))) as JsonObject;
  return encodeCanonical(change(file));
}

function refuses(bytes: Uint8Array, role: string, code: string): void {
  let failure: unknown;
  try {
    verifyTap16File(bytes, role, root, map, sha256Native);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(RejectedInput);
  expect(failure).toMatchObject({ code: `tap16.${code}` });
  expect(verifyTap16File(fileOf(slotOf(role)), role, root, map, sha256Native)).not.toBe('absent');
}

test('the file of a bin, byte for byte', () => {
  // Slot 0b001100 of 6 bits: left, left, right, right, left, left. A sibling on the right is −1.
  const path = Array.from({ length: 6 }, (_, i) => new Uint8Array(32).fill(i));
  expect(new TextDecoder().decode(makeTap16File(12, { 'bin-3.json': metaFile(0) }, path))).toBe(
    `{"leaf_contents":{"bin-3.json":{"hashes":{"sha256":"${'c'.repeat(63)}0"},"length":100,"version":1}},` +
      `"merkle_path":{${path.map((hash, i) => `"${i}":"${toHex(hash)}"`).join(',')}},` +
      `"path_directions":{"0":-1,"1":-1,"2":1,"3":1,"4":-1,"5":-1}}`,
  );
});

test('every role is proved with its version, length and hash; noble and native agree', () => {
  roles.forEach((role, i) => {
    const { hashes, length, version } = metaFile(i);
    const expected = { version, length, sha256: hashes.sha256 };
    const bytes = fileOf(slotOf(role));
    expect(verifyTap16File(bytes, role, root, map, sha256Native)).toEqual(expected);
    expect(verifyTap16File(bytes, role, root, map)).toEqual(expected);
  });
});

test('every slot: sigstore accepts the proof as inclusion in a log of 2^s leaves, corrupted ones never', () => {
  for (let slot = 0; slot < 64; slot++) {
    const data = leafData(slot, contents.get(slot) ?? {});
    const file = parseJson(fileOf(slot)) as { merkle_path: Record<string, string> };
    const path = Array.from({ length: 6 }, (_, i) =>
      Buffer.from(file.merkle_path[String(i)] ?? '', 'hex'),
    );
    expect(sigstoreAccepts(data, slot, 64, path, tree.root())).toBe(true);
    for (const bad of corruptions(path)) {
      expect(sigstoreAccepts(data, slot, 64, bad, tree.root())).toBe(false);
    }
  }
});

test('a role that its slot does not hold is proved absent, beside others and in an empty slot', () => {
  let beside = 0;
  let empty = 0;
  for (let i = 0; i < 300; i++) {
    const role = `absent-${i}`;
    const slot = slotOf(role);
    expect(verifyTap16File(fileOf(slot), role, root, map, sha256Native)).toBe('absent');
    if (contents.has(slot)) beside++;
    else empty++;
  }
  expect(beside).toBeGreaterThan(0);
  expect(empty).toBeGreaterThan(0);
});

describe('attacks', () => {
  test('each hash of each path corrupted in turn leads to another root', () => {
    for (const role of roles) {
      const slot = slotOf(role);
      for (const bad of corruptions(tree.path(slot))) {
        refuses(makeTap16File(slot, contents.get(slot) ?? {}, bad), role, 'root');
      }
    }
  });

  test('absence cannot be claimed with another slot’s file', () => {
    for (const role of roles) {
      for (let slot = 0; slot < 64; slot++) {
        if (slot !== slotOf(role)) {
          expect(() => verifyTap16File(fileOf(slot), role, root, map, sha256Native)).toThrow(
            RejectedInput,
          );
        }
      }
    }
  });

  test('an old version is refused: it is in no leaf under this root', () => {
    const old = { 'bin-3.json': { ...metaFile(6), version: 1 } };
    refuses(makeTap16File(12, old, tree.path(12)), 'bin-3', 'root');
  });

  test('a role placed in a foreign slot is refused even under its own root', () => {
    // The publisher itself lies: bin-4 a second time, in the slot of bin-3.
    const lie = new Map(contents).set(12, { ...contents.get(12), 'bin-4.json': metaFile(9) });
    const lying = treeOf(lie);
    const bytes = makeTap16File(12, lie.get(12) ?? {}, lying.path(12));
    expect(() => verifyTap16File(bytes, 'bin-3', toHex(lying.root()), map, sha256Native)).toThrow(
      expect.objectContaining({ code: 'tap16.foreign_role' }),
    );
  });

  test.each<[string, string, (file: JsonObject) => Json]>([
    ['a member more', 'shape', (file) => ({ ...file, extra: 1 })],
    [
      'no path',
      'shape',
      ({ leaf_contents, path_directions }) => ({ leaf_contents, path_directions }) as JsonObject,
    ],
    ['contents a list', 'shape', (file) => ({ ...file, leaf_contents: [] })],
    ['a list', 'shape', () => []],
    ['a step less', 'path', (file) => dropped(file, 'merkle_path', '5')],
    ['a step more', 'path', (file) => added(file, 'merkle_path', '6', 'ab'.repeat(32))],
    [
      'a step renumbered',
      'path',
      (file) => added(dropped(file, 'merkle_path', '5'), 'merkle_path', '05', 'ab'.repeat(32)),
    ],
    ['an upper-case hash', 'path', (file) => added(file, 'merkle_path', '0', 'AB'.repeat(32))],
    ['a direction less', 'directions', (file) => dropped(file, 'path_directions', '5')],
    ['a direction more', 'directions', (file) => added(file, 'path_directions', '6', -1)],
    ['a direction turned', 'directions', (file) => added(file, 'path_directions', '2', -1)],
    ['a direction of 0', 'directions', (file) => added(file, 'path_directions', '0', 0)],
    [
      'version 0',
      'metafile',
      (file) => added(file, 'leaf_contents', 'bin-3.json', { ...metaFile(1), version: 0 }),
    ],
    [
      'length as text',
      'metafile',
      (file) => added(file, 'leaf_contents', 'bin-3.json', { ...metaFile(1), length: '9' }),
    ],
    [
      'no hash',
      'metafile',
      (file) => added(file, 'leaf_contents', 'bin-3.json', { ...metaFile(1), hashes: {} }),
    ],
    [
      'a second hash',
      'metafile',
      (file) =>
        added(file, 'leaf_contents', 'bin-3.json', {
          ...metaFile(1),
          hashes: { sha256: 'a'.repeat(64), md5: '' },
        }),
    ],
    [
      'an unknown field',
      'metafile',
      (file) => added(file, 'leaf_contents', 'bin-3.json', { ...metaFile(1), x: 1 }),
    ],
    ['not .json', 'metafile', (file) => added(file, 'leaf_contents', 'bin-3', metaFile(1))],
    [
      'a bin in another spelling',
      'foreign_role',
      (file) => added(file, 'leaf_contents', 'bin-03.json', metaFile(1)),
    ],
    [
      'too many roles',
      'roles_max',
      (file) =>
        ['a', 'b', 'c', 'd'].reduce<JsonObject>(
          (f, name) => added(f, 'leaf_contents', `${name}.json`, metaFile(1)),
          file,
        ),
    ],
  ])('%s → %s', (_, code, change) => refuses(altered('bin-3', change), 'bin-3', code));

  test('other bytes of the same value are refused, and so is an oversized file', () => {
    const text = new TextDecoder().decode(fileOf(12));
    for (const other of [` ${text}`, text.replace(':', ': '), `${text}\n`, '', 'null', '{}}']) {
      const code = other === 'null' ? 'shape' : 'not_canonical';
      refuses(new TextEncoder().encode(other), 'bin-3', code);
    }
    refuses(new Uint8Array(512 + 3 * 1024 + 6 * 128 + 1), 'bin-3', 'too_large');
  });
});

test('names that objects inherit are ordinary names', () => {
  for (const role of ['__proto__', 'constructor', 'toString']) {
    const slot = slotOf(role);
    expect(verifyTap16File(fileOf(slot), role, root, map, sha256Native)).toBe('absent');
  }
});

function added(file: JsonObject, member: string, name: string, value: Json): JsonObject {
  return { ...file, [member]: { ...(file[member] as JsonObject), [name]: value } };
}

function dropped(file: JsonObject, member: string, name: string): JsonObject {
  const rest = Object.entries(file[member] as JsonObject).filter(([key]) => key !== name);
  return { ...file, [member]: Object.fromEntries(rest) };
}
