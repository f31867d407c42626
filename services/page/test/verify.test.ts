// What the page proves of a path: an honest ledger is believed, and each attack is refused at the step that it attacks.
import { encodeCanonical, parseJson, utf8, type JsonObject } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collect } from '../src/collect.ts';
import type { Evidence } from '../src/evidence.ts';
import { verifyPath, type Verdict } from '../src/verify.ts';
import {
  answerOf,
  binOf,
  LISTED,
  makeFiles,
  nameOf,
  NOW,
  targetOf,
  type Files,
  type Options,
} from './repository.ts';

const DAY_MS = 86_400_000;
const PATH = 'demo/a';
const ABSENT = 'demo/absent';
const BIN = nameOf(binOf(PATH));
const STEPS = [
  'root',
  'timestamp',
  'targets',
  'bins',
  'path',
  'proof',
  'file',
  'signature',
  'answer',
];

async function gather(files: Files, path = PATH): Promise<Evidence> {
  return collect(async (address) => {
    const bytes = files.get(address);
    if (bytes === undefined) throw new Error(`nobody should ask for ${address}`);
    return bytes;
  }, path);
}

async function judge(options: Options, path = PATH, nowMs = NOW): Promise<Verdict> {
  return verifyPath(await gather(makeFiles(options), path), nowMs);
}

/** `step: what was said` of the first step that is not ok; what follows must not have been reached. */
function refusal({ outcome, steps, target, role }: Verdict): string {
  const at = steps.findIndex(({ result }) => result !== 'ok');
  expect([outcome, target, role]).toEqual(['refused', undefined, undefined]);
  expect(steps.map(({ check }) => check)).toEqual(STEPS);
  expect(steps[at]?.result).toBe('refused');
  expect(steps.slice(at + 1).every(({ result }) => result === 'not reached')).toBe(true);
  return `${steps[at]!.check}: ${/\(([^()]+)\)$/.exec(steps[at]!.detail)?.[1]}`;
}

describe.each(['succinct', 'prefixes'] as const)('an honest ledger with %s', (delegation) => {
  test.each(LISTED)('%s is listed', async (path) => {
    const { outcome, steps, target, role } = await judge({ delegation }, path);
    expect(steps.map(({ check, result }) => [check, result])).toEqual(
      STEPS.map((check) => [check, 'ok']),
    );
    expect([outcome, role]).toEqual(['listed', nameOf(binOf(path))]);
    const { length, sha256 } = targetOf(path);
    expect([target?.length, target?.hashes.get('sha256')]).toEqual([length, sha256]);
  });

  test('what it does not list is proved absent', async () => {
    const { outcome, steps, target } = await judge({ delegation }, ABSENT);
    expect([outcome, target]).toEqual(['absent', undefined]);
    expect(steps.every(({ result }) => result === 'ok')).toBe(true);
  });
});

/** The files of an honest ledger as a server in between may show them. */
type Attack = (evidence: Evidence, files: Files) => Evidence | Promise<Evidence>;

test.each<[string, Attack, string]>([
  ['no root', (e) => ({ ...e, roots: [] }), 'root: page.root'],
  [
    'a later root that the first one’s keys did not sign',
    (e) => ({
      ...e,
      roots: [
        e.roots[0]!,
        makeFiles({ signers: only('root2', 'root2', 'root3') }).get('metadata/2.root.json')!,
      ],
    }),
    'root: tuf.threshold',
  ],
  [
    'a root left out',
    (e) => ({ ...e, roots: [e.roots[0]!, e.roots[0]!] }),
    'root: tuf.root_version',
  ],
  [
    'the root of another ledger',
    async (e) => ({ ...e, roots: (await gather(makeFiles(OTHER))).roots }),
    'timestamp: tuf.threshold',
  ],
  [
    'another merkle_root in a signed timestamp',
    (e) => ({
      ...e,
      timestamp: replaced(e.timestamp, /(?<="merkle_root":")[0-9a-f]{64}/, '0'.repeat(64)),
    }),
    'timestamp: tuf.threshold',
  ],
  [
    'the timestamp of other content',
    async (e) => ({ ...e, timestamp: (await gather(makeFiles({ listed: [] }))).timestamp }),
    'targets: tap16.root',
  ],
  [
    'the proof of another bin',
    (e, files) => ({ ...e, bin: { ...e.bin, proof: proofOf(files, nameOf(binOf(PATH) ^ 1)) } }),
    'proof: tap16.foreign_role',
  ],
  [
    'a changed leaf',
    (e) => ({ ...e, bin: { ...e.bin, proof: replaced(e.bin.proof, /"length":\d/, '"length":9') } }),
    'proof: tap16.root',
  ],
  [
    'the bin left out of its leaf',
    (e) => ({ ...e, bin: { ...e.bin, proof: withoutLeaf(e.bin.proof) } }),
    'proof: tap16.root',
  ],
  [
    'another way through the tree',
    (e) => ({ ...e, bin: { ...e.bin, proof: replaced(e.bin.proof, /"0":-1/, '"0":1') } }),
    'proof: tap16.directions',
  ],
  [
    'a target’s SHA-256 changed in the bin',
    (e) => ({ ...e, bin: { ...e.bin, file: replaced(e.bin.file, hashOf(PATH), '0'.repeat(64)) } }),
    'file: page.sha256',
  ],
  [
    'a longer bin',
    (e) => ({ ...e, bin: { ...e.bin, file: replaced(e.bin.file, /}$/, ' }') } }),
    'file: page.length',
  ],
  [
    'another bin’s file',
    (e, files) => {
      const other = binOf(PATH) ^ 1;
      const file = files.get(`metadata/${other + 10}.${nameOf(other)}.json`)!;
      return { ...e, bin: { ...e.bin, file } };
    },
    'file: page.length',
  ],
  [
    'an absent path shown as present',
    async (_, files) => {
      const [bin, target] = [binOf(ABSENT), { length: 1, hashes: { sha256: '0'.repeat(64) } }];
      const answer = { role: nameOf(bin), version: bin + 10, target };
      files.set(answerOf(ABSENT), utf8(JSON.stringify(answer)));
      return gather(files, ABSENT);
    },
    'answer: page.answer',
  ],
  [
    'a present path shown as absent',
    (e) => ({ ...e, answer: { ...e.answer, target: undefined } }),
    'answer: page.answer',
  ],
  [
    'another hash in the answer',
    (e) => ({ ...e, answer: { ...e.answer, target: { length: 1006, sha256: '0'.repeat(64) } } }),
    'answer: page.answer',
  ],
])('refuses %s', async (_, attack, expected) => {
  const files = makeFiles();
  const honest = await gather(files);
  expect(verifyPath(honest, NOW).outcome).toBe('listed');
  expect(refusal(verifyPath(await attack(honest, files), NOW))).toBe(expected);
  expect(verifyPath(honest, NOW).outcome).toBe('listed');
});

/** Whoever holds some keys and rebuilds everything above accordingly. */
test.each<[string, Options, string]>([
  [
    'a root that its own keys did not sign',
    { signers: only('root', 'root1') },
    'root: tuf.threshold',
  ],
  [
    'a timestamp signed by another key',
    { signers: only('timestamp', 'snapshot') },
    'timestamp: tuf.threshold',
  ],
  ['targets signed by another key', { signers: only('targets', 'bins') }, 'targets: tuf.threshold'],
  ['bins signed by another key', { signers: only('bins', 'targets') }, 'bins: tuf.threshold'],
  [
    'the bin signed by another key',
    { signers: only(BIN, 'timestamp') },
    'signature: tuf.threshold',
  ],
  ['the bin signed by nobody', { signers: only(BIN) }, 'signature: tuf.threshold'],
  [
    'a bin of another version than the map states',
    { edit: (role, signed) => (role === BIN ? { ...signed, version: 99 } : signed) },
    'file: page.version',
  ],
  [
    'targets that ask somebody else first',
    {
      edit: (role, signed) =>
        role === 'targets'
          ? (JSON.parse(asText(signed).replace('"bins"', '"other"')) as JsonObject)
          : signed,
    },
    'bins: page.bins',
  ],
  ['targets that list the path themselves', { edit: listing('targets') }, 'bins: page.bins'],
  ['a bins.json that lists the path itself', { edit: listing('bins') }, 'bins: page.bins'],
  [
    'bins by prefixes, one of them with another’s part',
    {
      delegation: 'prefixes',
      edit: (role, signed) =>
        role === 'bins'
          ? (JSON.parse(asText(signed).replace('["2","3"]', '["0","1"]')) as JsonObject)
          : signed,
    },
    'targets: page.bins',
  ],
  [
    'a root without a map',
    {
      edit: (_, signed) =>
        Object.fromEntries(Object.entries(signed).filter(([field]) => field !== 'tidemark')),
    },
    'targets: page.statement',
  ],
  [
    'more bins than slots',
    {
      edit: (role, signed) =>
        role === 'bins'
          ? (JSON.parse(asText(signed).replace('"bit_length":3', '"bit_length":32')) as JsonObject)
          : signed,
    },
    'targets: page.bins',
  ],
  ...['root2', 'timestamp', 'targets', 'bins', BIN].map((role): [string, Options, string] => {
    const expires = '2026-12-31T23:59:59Z';
    const at = { root2: 'root', [BIN]: 'signature' }[role] ?? role;
    const edit: Options['edit'] = (each, signed) =>
      each === role ? { ...signed, expires } : signed;
    return [`an expired ${role}`, { edit }, `${at}: page.expired`];
  }),
])('refuses %s', async (_, options, expected) => {
  expect(refusal(await judge(options))).toBe(expected);
});

test('it expires when its time has come', async () => {
  expect((await judge({}, PATH, NOW + DAY_MS - 1)).outcome).toBe('listed');
  expect(refusal(await judge({}, PATH, NOW + DAY_MS))).toBe('timestamp: page.expired');
});

test('a changed byte anywhere is refused, or says the same', async () => {
  const honest = await gather(makeFiles());
  const { target } = verifyPath(honest, NOW);
  const spots: readonly ((e: Evidence, change: (bytes: Uint8Array) => Uint8Array) => Evidence)[] = [
    (e, change) => ({ ...e, roots: [change(e.roots[0]!), e.roots[1]!] }),
    (e, change) => ({ ...e, roots: [e.roots[0]!, change(e.roots[1]!)] }),
    (e, change) => ({ ...e, timestamp: change(e.timestamp) }),
    ...(['targets', 'bins', 'bin'] as const).flatMap((role) => [
      (e: Evidence, change: (bytes: Uint8Array) => Uint8Array) => ({
        ...e,
        [role]: { ...e[role], file: change(e[role].file) },
      }),
      (e: Evidence, change: (bytes: Uint8Array) => Uint8Array) => ({
        ...e,
        [role]: { ...e[role], proof: change(e[role].proof) },
      }),
    ]),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...spots),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (spot, at, by) => {
        const spoilt = spot(honest, (bytes) => {
          const copy = Uint8Array.from(bytes);
          copy[at % copy.length]! ^= by;
          return copy;
        });
        const verdict = verifyPath(spoilt, NOW);
        // A letter of a signature in upper case, for one, changes nothing.
        if (verdict.outcome !== 'refused') expect(verdict.target).toEqual(target);
      },
    ),
    { numRuns: 300 },
  );
});

test('a path that nobody could list is refused before anything is fetched', async () => {
  await expect(gather(new Map(), '../etc')).rejects.toMatchObject({ code: 'path.dot_segment' });
});

test.each<[string, string]>([
  ['[]', 'page.answer'],
  ['null', 'page.answer'],
  ['{', 'json.syntax'],
])('an answer that is none, %s, is refused', async (text, code) => {
  const files = makeFiles();
  files.set(answerOf(PATH), utf8(text));
  await expect(gather(files)).rejects.toMatchObject({ code });
});

/** Its root names another key for timestamp.json. */
const OTHER: Options = {
  edit: (role, signed) => {
    if (!role.startsWith('root')) return signed;
    const roles = signed['roles'] as JsonObject;
    return { ...signed, roles: { ...roles, timestamp: roles['snapshot']! } };
  },
};

function only(role: string, ...keys: readonly string[]): NonNullable<Options['signers']> {
  return (each) => (each === role ? keys : undefined);
}

/** A role that lists PATH although it is not for it to do so. */
function listing(role: string): NonNullable<Options['edit']> {
  const { length, sha256 } = targetOf(PATH);
  const targets = { [PATH]: { hashes: { sha256 }, length } };
  return (each, signed) => (each === role ? { ...signed, targets } : signed);
}

function asText(json: JsonObject): string {
  return Buffer.from(encodeCanonical(json)).toString();
}

function replaced(bytes: Uint8Array, what: RegExp | string, by: string): Uint8Array {
  const text = Buffer.from(bytes).toString();
  const changed = text.replace(what, by);
  expect(changed).not.toBe(text);
  return utf8(changed);
}

function hashOf(path: string): string {
  return targetOf(path).sha256;
}

function proofOf(files: Files, role: string): Uint8Array {
  return [...files].find(
    ([name]) => name.startsWith('merkle/') && name.endsWith(`/${role}.json`),
  )![1];
}

function withoutLeaf(proof: Uint8Array): Uint8Array {
  return encodeCanonical({ ...(parseJson(proof) as JsonObject), leaf_contents: {} });
}
