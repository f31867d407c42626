/** Notes and checkpoints against the specification’s examples. */
import { RejectedInput, fromHex, fromUtf8, toHex, utf8 } from '@tidemark/canonical';
import { createSigner, sha256Native, verifyEd25519Native } from '@tidemark/canonical/native';
import { describe, expect, test } from 'vitest';
import {
  checkpointNote,
  checkpointText,
  decodeVerifierKey,
  encodeVerifierKey,
  formatNote,
  keyId,
  noteSignature,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  verifyNote,
} from '../src/index.ts';

// C2SP/C2SP at 5ba5ee8, signed-note, "Verifier keys", "Example"
const SPEC_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const SPEC_NOTE =
  'This is an example message.\n\n' +
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

// golang.org/x/mod/sumdb/note, note_test.go: key, text and signature of the seed in the private key
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
const GO_TEXT =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n";
const GO_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

// C2SP/C2SP at 5ba5ee8, tlog-cosignature, "Format": a log's and a witness's signature, keys not given
const SPEC_CHECKPOINT =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
  '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';

function code(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RejectedInput) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('vectors', () => {
  test('the specification’s note verifies with its verifier key, by noble and natively', () => {
    const key = decodeVerifierKey(SPEC_VKEY);
    expect([key.name, key.keyId]).toEqual(['example.com/foo', '530d903a']);
    const note = parseNote(utf8(SPEC_NOTE));
    expect(note.text).toBe('This is an example message.\n');
    expect(verifyNote(note, [key])).toEqual([key]);
    expect(verifyNote(note, [key], verifyEd25519Native)).toEqual([key]);
    expect(fromUtf8(formatNote(note))).toBe(SPEC_NOTE);
    expect(encodeVerifierKey(key.name, key.publicKey, sha256Native)).toBe(SPEC_VKEY);
  });

  test('signing Go’s note gives Go’s bytes', () => {
    const signer = createSigner(GO_SEED);
    expect(encodeVerifierKey('PeterNeumann', signer.publicKey)).toBe(GO_VKEY);
    const signature = signer.sign(utf8(GO_TEXT));
    const signatures = [noteSignature('PeterNeumann', signer.publicKey, signature)];
    expect(fromUtf8(formatNote({ text: GO_TEXT, signatures }))).toBe(`${GO_TEXT}\n${GO_LINE}`);
    expect(keyId('PeterNeumann', signer.publicKey)).toBe('c74f20a3');
  });

  test('the specification’s checkpoint', () => {
    const note = parseNote(utf8(SPEC_CHECKPOINT));
    const checkpoint = parseCheckpoint(note.text);
    expect(checkpoint.origin).toBe('example.com/behind-the-sofa');
    expect(checkpoint.size).toBe(20852163);
    expect(toHex(checkpoint.root)).toBe(
      '0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62',
    );
    expect(checkpointText(checkpoint)).toBe(note.text);
    expect(note.signatures.map(({ name, keyId }) => [name, keyId])).toEqual([
      ['example.com/behind-the-sofa', '033de0ae'],
    ]);
    expect(note.signatures[0]?.signature.length).toBe(64);
  });

  test('a note text may contain empty lines: the last one separates', () => {
    // C2SP/C2SP at 5ba5ee8, signed-note, the first example; its key is not given
    const poem =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n';
    const line =
      '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';
    const note = parseNote(utf8(`${poem}\n${line}`));
    expect(note.text).toBe(poem);
    expect(note.signatures.map(({ name, keyId }) => [name, keyId])).toEqual([
      ['quasimodo.example/salvatore', '367ba04b'],
    ]);
  });
});

describe('checkpoints', () => {
  const signer = createSigner(fromHex('11'.repeat(32)));
  const origin = 'tidemark.example/log/1';
  const key = decodeVerifierKey(encodeVerifierKey(origin, signer.publicKey));
  const checkpoint = { origin, size: 7, root: new Uint8Array(32).fill(9) };
  const text = checkpointText(checkpoint);
  const bytes = checkpointNote(checkpoint, signer.publicKey, signer.sign(utf8(text)));

  test('what the log signed is read back; noble and native agree', () => {
    expect(openCheckpoint(bytes, key)).toEqual(checkpoint);
    expect(openCheckpoint(bytes, key, verifyEd25519Native)).toEqual(checkpoint);
  });

  test('no bit of it can be changed', () => {
    for (let i = 0; i < bytes.length; i++) {
      const bad = Uint8Array.from(bytes);
      bad[i] = (bad[i] ?? 0) ^ 1;
      expect(code(() => openCheckpoint(bad, key, verifyEd25519Native))).not.toBe('accepted');
    }
    expect(openCheckpoint(bytes, key)).toEqual(checkpoint);
  });

  test('another key, another log and a forged line are refused; strangers’ lines are ignored', () => {
    const other = createSigner(fromHex('22'.repeat(32)));
    const otherKey = decodeVerifierKey(encodeVerifierKey(origin, other.publicKey));
    expect(code(() => openCheckpoint(bytes, otherKey))).toBe('note.unsigned');

    const foreign = decodeVerifierKey(encodeVerifierKey('other.example', signer.publicKey));
    const signatures = [noteSignature('other.example', signer.publicKey, signer.sign(utf8(text)))];
    const misnamed = formatNote({ text, signatures });
    expect(code(() => openCheckpoint(misnamed, foreign))).toBe('checkpoint.origin');

    const note = parseNote(bytes);
    const stranger = noteSignature(origin, other.publicKey, other.sign(utf8(text)));
    const joined = { text, signatures: [stranger, ...note.signatures] };
    expect(openCheckpoint(formatNote(joined), key)).toEqual(checkpoint);
    expect(verifyNote(joined, [otherKey, key])).toEqual([otherKey, key]);

    const forged = { ...stranger, keyId: key.keyId };
    const both = formatNote({ text, signatures: [...note.signatures, forged] });
    expect(code(() => openCheckpoint(both, key))).toBe('note.signature');
  });

  const root = 'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=';
  test.each([
    ['checkpoint.lines', `o\n7\n${root}`],
    ['checkpoint.lines', `o\n7\n`],
    ['checkpoint.lines', `o\n7\n${root}\nextension\n`],
    ['checkpoint.lines', `o\n7\n${root}\n\n`],
    ['checkpoint.origin', `\n7\n${root}\n`],
    ['checkpoint.origin', `a b\n7\n${root}\n`],
    ['checkpoint.origin', `a+b\n7\n${root}\n`],
    ['checkpoint.origin', `${'o'.repeat(257)}\n7\n${root}\n`],
    ['checkpoint.size', `o\n07\n${root}\n`],
    ['checkpoint.size', `o\n-7\n${root}\n`],
    ['checkpoint.size', `o\n7e1\n${root}\n`],
    ['checkpoint.size', `o\n\n${root}\n`],
    ['checkpoint.size', `o\n9007199254740992\n${root}\n`],
    ['checkpoint.root', `o\n7\n${root.slice(1)}\n`],
    ['checkpoint.root', `o\n7\n${root.slice(0, -1)}\n`],
    ['checkpoint.root', `o\n7\n${root.slice(0, -2)}l=\n`],
    ['checkpoint.root', `o\n7\nCQkJ\n`],
    ['accepted', `o\n0\n${root}\n`],
    ['accepted', `o\n9007199254740991\n${root}\n`],
  ])('%s: %j', (expected, text) => expect(code(() => parseCheckpoint(text))).toBe(expected));

  test('nothing malformed is written', () => {
    expect(code(() => checkpointText({ ...checkpoint, origin: 'a b' }))).toBe('checkpoint.origin');
    expect(code(() => checkpointText({ ...checkpoint, size: 1.5 }))).toBe('checkpoint.size');
    expect(code(() => checkpointText({ ...checkpoint, root: new Uint8Array(31) }))).toBe(
      'checkpoint.root',
    );
  });
});

describe('malformed notes', () => {
  const line = GO_LINE;
  const id = 'x08gow==';
  test.each([
    ['note.text', ''],
    ['note.text', GO_TEXT],
    ['note.text', `${GO_TEXT}\n${line}`.slice(0, -1)],
    ['note.text', `\n${line}`],
    ['note.text', `tab\there\n\n${line}`],
    ['note.text', `cr\r\n\n${line}`],
    ['note.signature_line', `${GO_TEXT}\n`],
    ['note.signature_line', `${GO_TEXT}\n- PeterNeumann ${id}\n`],
    ['note.signature_line', `${GO_TEXT}\n— PeterNeumann ${id}\n`],
    ['note.signature_line', `${GO_TEXT}\n${line.replace('=', '')}`],
    ['note.signature_line', `${GO_TEXT}\n${line.replace('—', '—\u00a0')}`],
    ['note.signature_line', `${GO_TEXT}\n${line.replace('PeterNeumann', 'Peter+Neumann')}`],
    ['note.signature_line', `${GO_TEXT}\n${line.replace('PeterNeumann', 'Peter\u2003Neumann')}`],
    ['note.signature_line', `${GO_TEXT}\n${line}text\n`],
    ['note.too_large', `${GO_TEXT}\n${line.repeat(65)}`],
    ['note.too_large', `${'x'.repeat(512 * 1024)}\n\n${line}`],
    ['accepted', `${GO_TEXT}\n${line.repeat(64)}`],
  ])('%s: %j', (expected, text) => expect(code(() => parseNote(utf8(text)))).toBe(expected));

  test('not UTF-8', () => {
    const bytes = utf8(`${GO_TEXT}\n${line}`);
    bytes[0] = 0xff;
    expect(code(() => parseNote(bytes))).toBe('note.text');
  });
});

describe('malformed verifier keys', () => {
  test('no part of one and no changed letter is accepted', () => {
    for (let from = 0; from < GO_VKEY.length; from++) {
      for (let to = from + 1; to <= GO_VKEY.length; to++) {
        if (from === 0 && to === GO_VKEY.length) continue;
        if (code(() => decodeVerifierKey(GO_VKEY.slice(from, to))) === 'accepted') {
          expect.fail(GO_VKEY.slice(from, to));
        }
      }
    }
    for (let i = 0; i < GO_VKEY.length; i++) {
      const next = String.fromCharCode(GO_VKEY.charCodeAt(i) + 1);
      const changed = GO_VKEY.slice(0, i) + next + GO_VKEY.slice(i + 1);
      if (code(() => decodeVerifierKey(changed)) === 'accepted') expect.fail(changed);
    }
  });

  test('an algorithm that is not ours is refused as such', () => {
    const cosigner = Buffer.concat([Uint8Array.of(4), new Uint8Array(32)]).toString('base64');
    expect(code(() => decodeVerifierKey(`w.example+00000000+${cosigner}`))).toBe('vkey.algorithm');
  });
});
