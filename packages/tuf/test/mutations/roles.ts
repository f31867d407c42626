/** Breaches of the rules about targets and delegations, history, and what a client reaches. */

import {
  keyIdOf,
  keyJson,
  prefixDelegations,
  signMetadata,
  succinctDelegations,
  targetsSigned,
} from '../../src/index.ts';
import { binName, devKey, edit, nowMs, signerOf } from '../demo.ts';
import type { Mutation } from '../demo.ts';
import {
  deleteFiles,
  dropSignature,
  flip,
  pathInto,
  quiet,
  quietFile,
  quietMeta,
  quietName,
  resign,
  setFiles,
  setSignature,
  setSigned,
  setTarget,
  spoilt,
} from './mutate.ts';

const snapshot = '7.snapshot.json';
const bins = '1.bins.json';
/** Version 1 is no longer current: only rules about the file by itself apply. */
const oldTargets = '1.targets.json';
const project = '1.project.foo.json';
const inBin = pathInto('a/');
const devId = keyIdOf(devKey);
const firstRole = ['delegations', 'roles', '0'];
const succinct = ['delegations', 'succinct_roles'];
const quietPrefixes = ['delegations', 'roles', String(quiet), 'path_hash_prefixes'];

const slashedBins = setFiles((files) => {
  const delegations = succinctDelegations({ key: devKey, bits: 2, prefix: 'a/b' });
  const signed = targetsSigned({ version: 1, expiresMs: nowMs, delegations });
  files.set('1.old-0.json', signMetadata(signed, [signerOf('dev')]));
});

export const targetsCases = [
  spoilt('target-path', quietFile, 'an empty segment', setTarget(pathInto('a//'))),
  spoilt('target-path', quietFile, 'a space', setTarget(pathInto('a b'))),
  spoilt('custom-empty', quietFile, '{}', setTarget(inBin, { custom: {} })),
  spoilt('delegation-fields', bins, 'in delegations', setSigned(bins, ['delegations', 'x'], 1)),
  spoilt('delegation-fields', bins, 'in bins', setSigned(bins, [...succinct, 'x'], 1), 'succinct'),
  spoilt(
    'delegation-fields',
    '2.targets.json',
    'in a role',
    setSigned('2.targets.json', [...firstRole, 'x'], 1),
  ),
  ...['targets', ''].map((name) =>
    spoilt('tuf.role_name', oldTargets, name, setSigned(oldTargets, [...firstRole, 'name'], name)),
  ),
  ...['Claimed', 'a/b', '7', '__proto__'].map((name) =>
    spoilt('role-name', oldTargets, name, setSigned(oldTargets, [...firstRole, 'name'], name)),
  ),
  spoilt('role-name', '1.old-0.json', 'a prefix with a slash', slashedBins),
  ...['foo/**', 'foo/[a-z]', 'foo/?', '!foo/*', 'foo/', '../*', '*/'.repeat(16) + '*'].map((glob) =>
    spoilt(
      'path-pattern',
      oldTargets,
      glob,
      setSigned(oldTargets, [...firstRole, 'paths'], [glob]),
    ),
  ),
  spoilt('bin-count', bins, '2^21', setSigned(bins, [...succinct, 'bit_length'], 21), 'succinct'),
  ...[[], [quiet.toString(16), '00'], [quiet.toString(16), 'g']].map((prefixes) =>
    spoilt(
      'prefix-coverage',
      bins,
      `a bin with the prefixes ${prefixes.join()}`,
      setSigned(bins, quietPrefixes, prefixes),
      'prefixes',
    ),
  ),
  spoilt(
    'project-terminating',
    '2.targets.json',
    'false',
    setSigned('2.targets.json', [...firstRole, 'terminating'], false),
  ),
];

export const historyCases = [
  spoilt('root-missing', '1.root.json', 'one', deleteFiles('1.root.json')),
  spoilt('root-missing', '1.root.json', 'all', deleteFiles('1.root.json', '2.root.json')),
  spoilt('root-signatures', '2.root.json', 'old keys', dropSignature('2.root.json', 'root1')),
  spoilt('root-signatures', '2.root.json', 'new keys', dropSignature('2.root.json', 'root3')),
  spoilt('root-signatures', '1.root.json', 'own keys', dropSignature('1.root.json', 'root1')),
  spoilt('root-signatures', '1.root.json', 'a flipped digit', setSignature('1.root.json', flip)),
  spoilt(
    'root-statement',
    '2.root.json',
    'another slot_bits',
    setSigned('2.root.json', ['tidemark', 'slot_bits'], 9),
  ),
  spoilt(
    'root-statement',
    '2.root.json',
    'gone',
    setSigned('2.root.json', ['tidemark'], undefined),
  ),
  spoilt(
    'snapshot-vanished',
    snapshot,
    'an old bin',
    setSigned(snapshot, ['meta', 'old-0.json'], undefined),
  ),
  spoilt(
    'snapshot-rollback',
    snapshot,
    'an old bin',
    setSigned(snapshot, ['meta', 'old-0.json', 'version'], 1),
  ),
  spoilt(
    'timestamp-rollback',
    '9.timestamp.json',
    'snapshot 8, then 7',
    setSigned('8.timestamp.json', ['meta', 'snapshot.json', 'version'], 8),
  ),
  spoilt(
    'timestamp-copy',
    'timestamp.json',
    'another timestamp 9',
    resign('9.timestamp.json', ['merkle_root'], 'cd'.repeat(32), 'timestamp'),
  ),
];

/** In every version of the snapshot, so that nothing vanishes from one to the next. */
const inSnapshots =
  (path: readonly string[]): NonNullable<Mutation['signed']> =>
  (name, signed) =>
    name.endsWith('.snapshot.json') ? edit(signed, path, undefined) : signed;

const fatBin: Mutation = {
  signed: (name, signed) =>
    name === quietFile
      ? { ...signed, note: 'x'.repeat(5_000_000) }
      : inSnapshots(['meta', quietMeta, 'length'])(name, signed),
};

const delegateBinsAgain = setSigned(project, ['delegations'], {
  keys: { [devId]: keyJson(devKey) },
  roles: [{ keyids: [devId], name: 'bins', paths: ['foo/*'], terminating: true, threshold: 1 }],
});

const subBins = (form: typeof succinctDelegations): Mutation => ({
  ...setSigned(project, ['delegations'], form({ key: devKey, bits: 1, prefix: 'sub' })),
  roles: { 'sub-0': 101, 'sub-1': 102 },
});

export const currentCases = [
  ...['timestamp.json', snapshot, bins, quietFile].map((file) =>
    spoilt('file-missing', file, 'deleted', deleteFiles(file)),
  ),
  spoilt('signatures', quietFile, 'a flipped digit', setSignature(quietFile, flip)),
  spoilt('signatures', '2.targets.json', '1 of 2', dropSignature('2.targets.json', 'targets1')),
  spoilt('signatures', bins, '1 of 2', dropSignature(bins, 'bins2')),
  spoilt('signatures', snapshot, 'none', dropSignature(snapshot, 'snapshot')),
  spoilt('signatures', 'timestamp.json', 'none', dropSignature('9.timestamp.json', 'timestamp')),
  ...['2.root.json', '9.timestamp.json', snapshot, '2.targets.json', bins, quietFile].map((file) =>
    spoilt(
      'expired',
      file === '9.timestamp.json' ? 'timestamp.json' : file,
      'this very second',
      setSigned(file, ['expires'], '2027-01-01T00:00:00Z'),
    ),
  ),
  spoilt(
    'meta-mismatch',
    quietFile,
    'the same length',
    resign(quietFile, ['expires'], '2027-01-03T00:00:00Z', 'bins'),
  ),
  spoilt(
    'meta-mismatch',
    quietFile,
    'another length',
    setSigned(snapshot, ['meta', quietMeta, 'length'], 7),
  ),
  spoilt(
    'meta-mismatch',
    snapshot,
    'another snapshot',
    resign(snapshot, ['expires'], '2027-01-03T00:00:00Z', 'snapshot'),
  ),
  spoilt('snapshot-length', quietFile, '5 MB', fatBin),
  spoilt('outside-delegation', quietFile, 'another bin', setTarget(pathInto('a/', false))),
  spoilt(
    'outside-delegation',
    project,
    'another project',
    setSigned(project, ['targets'], {
      'bar/x': { hashes: { sha256: 'aa'.repeat(32) }, length: 1 },
    }),
  ),
  spoilt('role-duplicate', project, 'bins delegated again', delegateBinsAgain),
  spoilt('role-unlisted', snapshot, 'a bin', { signed: inSnapshots(['meta', quietMeta]) }),
  spoilt('unique-versions', snapshot, 'two bins', {
    versions: { [quietName]: 30, [binName(15)]: 30 },
  }),
  spoilt('one-encoding', snapshot, 'prefixes below', subBins(prefixDelegations), 'succinct'),
  spoilt('one-encoding', snapshot, 'succinct below', subBins(succinctDelegations), 'prefixes'),
  spoilt('slot-bits', snapshot, '8 slots for 16 bins', {
    signed: (name, signed) =>
      name.endsWith('.root.json') ? edit(signed, ['tidemark', 'slot_bits'], 3) : signed,
  }),
];
