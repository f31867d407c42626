// Where we differ from python-tuf and mean to: each in one thing, after one kind of attack. docs/client.md says why.
import type { Difference } from './verdict.ts';

export interface Excuse {
  readonly name: string;
  /** Of attacks, by name. */
  readonly kinds: readonly string[];
  readonly covers: (difference: Difference) => boolean;
}

const REFUSED = 'refused: ';

export const EXCUSES: readonly Excuse[] = [
  // We refuse what python-tuf lets pass.
  stricter('members twice', ['members twice'], 'json.duplicate_key'),
  stricter(
    'integers beyond 2^53',
    ['version beyond doubles', 'large integers, signed'],
    'json.number',
  ),
  stricter(
    'numbers that are not signed',
    ['numbers, not signed'],
    'json.number',
    // NaN is a number to Python.
    'json.syntax',
  ),
  stricter('lone surrogates that are not signed', ['lone surrogate'], 'json.surrogate'),
  stricter('nesting', ['nested deeply'], 'json.too_deep'),
  stricter(
    'types',
    ['loose types'],
    'tuf.meta',
    'tuf.role',
    'tuf.consistent_snapshot',
    'tuf.delegations',
    'tuf.target',
  ),
  stricter('custom', ['odd custom'], 'tuf.target'),
  stricter('digits of other scripts', ['spec_version in other digits'], 'tuf.spec_version'),
  stricter('dates before 1970', ['expired before 1970'], 'tuf.expires'),
  stricter('one key under two ids', ['one key under two ids'], 'tuf.threshold'),
  stricter('blanks in hex', ['signature with blanks'], 'tuf.threshold'),
  stricter('other schemes', ['scheme of python-tuf alone'], 'tuf.threshold'),
  stricter('PEM that is decorated', ['key spelt laxly'], 'tuf.threshold'),
  stricter('other hashes', ['hash of python-tuf alone'], 'client.hash'),
  stricter('roles without end', ['more roles than may be'], 'client.delegations'),
  stricter('roots without end', ['roots without end'], 'client.roots'),
  // We let pass what python-tuf refuses.
  laxer('unknown schemes', ['unknown scheme', 'null or other type'], 'Unsupported public key'),
  laxer(
    'unknown hashes beside known ones',
    ['hash of an unknown algorithm beside another'],
    'Unsupported algorithm',
  ),
  laxer('hashes in capitals', ['hash in capitals'], 'does not match expected hash'),
  {
    name: 'brackets in patterns',
    kinds: ['brackets in a pattern'],
    covers: ({ what, ours, theirs }) =>
      what === 'target' && !ours.startsWith(REFUSED) && !theirs.startsWith(REFUSED),
  },
];

/** @param codes of our refusals */
function stricter(name: string, kinds: readonly string[], ...codes: readonly string[]): Excuse {
  return {
    name,
    kinds,
    covers: ({ what, ours, theirs }) =>
      what !== 'store' &&
      codes.some((code) => ours.startsWith(`${REFUSED}${code}: `)) &&
      !theirs.startsWith(REFUSED),
  };
}

/** @param says part of what python-tuf says */
function laxer(name: string, kinds: readonly string[], says: string): Excuse {
  return {
    name,
    kinds,
    covers: ({ what, ours, theirs }) =>
      what !== 'store' &&
      !ours.startsWith(REFUSED) &&
      theirs.startsWith(REFUSED) &&
      theirs.includes(says),
  };
}
