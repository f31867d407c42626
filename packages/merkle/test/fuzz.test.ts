// Every parser of this package on spoilt input.
import {
  canonicalText,
  fromHex,
  parseJson,
  RejectedInput,
  sha256,
  toHex,
  utf8,
} from '@tidemark/canonical';
import { createSigner } from '@tidemark/canonical/native';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import {
  checkpointNote,
  checkpointText,
  decodeVerifierKey,
  emptyRoot,
  encodeVerifierKey,
  formatNote,
  makeMultiproof,
  makeTap16File,
  openMultiproof,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  rootFromInclusion,
  rootFromSlot,
  slotHash,
  verifyConsistency,
  verifyInclusion,
  verifyTap16File,
} from '../src/index.ts';

const signer = createSigner(new Uint8Array(32).fill(1));
const { publicKey } = signer;
const ORIGIN = 'tidemark.example/log';
const checkpoint = { origin: ORIGIN, size: 12_345, root: new Uint8Array(32).fill(7) };
const signature = signer.sign(utf8(checkpointText(checkpoint)));
const note = checkpointNote(checkpoint, publicKey, signature);
const vkey = encodeVerifierKey(ORIGIN, publicKey);

const EMPTY = emptyRoot();
const SLOT_BITS = 4;
const map = { slotBits: SLOT_BITS, bins: { prefix: 'bin', bits: 2 }, rolesMax: 4 };
const contents = { 'bin-1.json': { hashes: { sha256: 'ab'.repeat(32) }, length: 9, version: 3 } };
const path = Array.from({ length: SLOT_BITS }, (_, i) => sha256(Uint8Array.of(i)));
/** Bin 1 of 4 is in slot 4 of 16. */
const SLOT = 4;
const proof = makeTap16File(SLOT, contents, path);
const several = Buffer.from(makeMultiproof([{ slot: SLOT, contents, path }]));
const root = toHex(rootFromSlot(SLOT, slotHash(SLOT, contents), path));

fuzz([
  parser({
    name: 'parseNote',
    samples: [note, formatNote({ ...parseNote(note), text: 'a\n\nb\n' })],
    read: parseNote,
    refusals: /^note\.(?:too_large|text|signature_line|signatures|separator)$/,
    write: formatNote,
    demand: (value, bytes) => {
      if (!bytes.equals(formatNote(value))) throw new Error('it has two spellings');
    },
  }),
  parser({
    name: 'parseCheckpoint',
    samples: [checkpointText(checkpoint), checkpointText({ ...checkpoint, size: 0 })],
    read: (bytes) => parseCheckpoint(bytes.toString()),
    refusals: /^checkpoint\.(?:lines|origin|size|root)$/,
    write: checkpointText,
  }),
  parser({
    name: 'openCheckpoint',
    samples: [note],
    read: (bytes) => openCheckpoint(bytes, decodeVerifierKey(vkey)),
    refusals: /^(?:note|checkpoint)\.[a-z_]+$/,
    // Without the key, nobody has another text accepted.
    demand: (value) => {
      if (checkpointText(value) !== checkpointText(checkpoint)) throw new Error('it is forged');
    },
    share: 0.3,
  }),
  parser({
    name: 'decodeVerifierKey',
    samples: [vkey, encodeVerifierKey('é', publicKey)],
    read: (bytes) => decodeVerifierKey(bytes.toString()),
    refusals: /^vkey\.(?:syntax|algorithm|key_id)$/,
    write: (key) => encodeVerifierKey(key.name, key.publicKey),
  }),
  parser({
    name: 'verifyTap16File',
    samples: [proof],
    read: (bytes) => verifyTap16File(bytes, 'bin-1', root, map),
    refusals:
      /^tap16\.(?:too_large|not_canonical|shape|roles_max|foreign_role|metafile|path|directions|root)$/,
    spell: canonicalText,
    demand: (_, bytes) => {
      if (!bytes.equals(proof)) throw new Error('it is forged');
    },
  }),
  parser({
    name: 'openMultiproof',
    samples: [several],
    read: (bytes) => openMultiproof(bytes, [SLOT], root, map),
    refusals:
      /^tap16\.(?:too_large|not_canonical|shape|slots|roles_max|metafile|foreign_role|path|root)$/,
    spell: canonicalText,
    demand: (_, bytes) => {
      if (!bytes.equals(several)) throw new Error('it is forged');
    },
  }),
  parser({
    name: 'verifyInclusion',
    samples: [inclusion(1, 2), inclusion(4, 7), inclusion(2 ** 40, 2 ** 41)],
    read: (bytes) => {
      const { numbers, hashes } = claimIn(bytes);
      const [index = 0, size = 0] = numbers;
      const [leaf = new Uint8Array(32), root = leaf, ...proof] = hashes;
      verifyInclusion({ leafHash: leaf, index, size, root }, proof);
    },
    refusals: /^(?:json|bytes|merkle\.(?:inclusion|hash)$)/,
    // A sample leads to its root only if the root follows from it.
    demand: (_, bytes) => {
      const { numbers, hashes } = claimIn(bytes);
      const [leaf, root, ...proof] = hashes;
      const [index, size] = numbers;
      const leads = rootFromInclusion({ leafHash: leaf!, index: index!, size: size! }, proof);
      if (toHex(leads) !== toHex(root!)) throw new Error('another root');
    },
  }),
  parser({
    name: 'verifyConsistency',
    samples: [claim([3, 3], [EMPTY, EMPTY]), claim([0, 5], [emptyRoot(), EMPTY])],
    read: (bytes) => {
      const { numbers, hashes } = claimIn(bytes);
      const [oldSize = 0, newSize = 0] = numbers;
      const [oldRoot = EMPTY, newRoot = EMPTY, ...proof] = hashes;
      verifyConsistency({ oldSize, oldRoot, newSize, newRoot }, proof);
    },
    refusals: /^(?:json|bytes|merkle\.(?:consistency|hash)$)/,
  }),
]);

function claim(numbers: readonly number[], hashes: readonly Uint8Array[]): string {
  return JSON.stringify({ numbers, hashes: hashes.map(toHex) });
}

function inclusion(index: number, size: number): string {
  for (let steps = 0; ; steps++) {
    const proof = Array.from({ length: steps }, (_, i) => sha256(Uint8Array.of(i)));
    try {
      const root = rootFromInclusion({ leafHash: EMPTY, index, size }, proof);
      return claim([index, size], [EMPTY, root, ...proof]);
    } catch (error) {
      if (!(error instanceof RejectedInput) || steps > 64) throw error;
    }
  }
}

/** What somebody else's proof is read from: any numbers, and any bytes for hashes. */
function claimIn(bytes: Uint8Array): { numbers: number[]; hashes: Uint8Array[] } {
  const { numbers, hashes } = (parseJson(bytes) ?? {}) as { numbers?: unknown; hashes?: unknown };
  return {
    numbers: Array.isArray(numbers) ? numbers.filter((each) => typeof each === 'number') : [],
    hashes: Array.isArray(hashes) ? hashes.map((each) => fromHex(String(each))) : [],
  };
}
