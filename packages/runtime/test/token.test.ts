// Tokens: what they say, whom they let in, and that nothing near a right one is one.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeToken, mayUpload, parseTokenRecord, tokenOf, type TokenGrant } from '../src/index.ts';

const NOW = Date.UTC(2026, 5, 1);
const GRANT: TokenGrant = {
  subject: 'ci@example',
  upload: ['numpy/', 'simple/numpy'],
  read: false,
  admin: false,
  expires: NOW + 1000,
};
/** Counts up: the first token is made of the bytes 0, 1, 2 … */
function counting(): (bytes: number) => Uint8Array {
  let next = 0;
  return (bytes) => Uint8Array.from({ length: bytes }, () => next++);
}

const { text, record } = makeToken(GRANT, NOW, counting());

describe('a new token', () => {
  test('has the form that is documented, and is kept as a hash of its secret', () => {
    expect(text).toBe('tdm_0001020304050607_CAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJic');
    const secret = text.split('_').slice(2).join('_');
    expect(record.sha256).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(JSON.stringify(record)).not.toContain(secret);
  });

  test('comes back from its file', () => {
    expect(parseTokenRecord(JSON.stringify(record), 'F')).toEqual(record);
    for (const wrong of ['', '{}', JSON.stringify({ ...record, more: 1 })]) {
      expect(() => parseTokenRecord(wrong, 'F')).toThrow('F is no token; remove it');
    }
  });

  test.each([{ subject: 'a"b' }, { subject: '' }, { expires: -1 }])('is refused: %o', (wrong) => {
    const make = (): unknown => makeToken({ ...GRANT, ...wrong }, NOW, counting());
    expect(make).toThrow(expect.objectContaining({ code: 'token.grant' }));
  });
});

describe('an Authorization header', () => {
  const known = (id: string) => (id === record.id ? record : undefined);
  const codeOf = (header: string | undefined, now = NOW): string => {
    try {
      return tokenOf(header, known, now).subject;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test('with the token is its subject, until it expires', () => {
    expect(codeOf(`Bearer ${text}`)).toBe('ci@example');
    expect(codeOf(`bearer  ${text}`)).toBe('ci@example');
    expect(codeOf(`Bearer ${text}`, NOW + 999)).toBe('ci@example');
    expect(codeOf(`Bearer ${text}`, NOW + 1000)).toBe('token.expired');
  });

  test('without one, or with anything else, is refused', () => {
    expect(codeOf(undefined)).toBe('token.absent');
    for (const header of ['', 'Bearer', 'Basic x', text.slice(0, -1), `${text}x`, ` ${text}`]) {
      expect(codeOf(header), header).toBe('token.form');
    }
    // An unknown id is refused as a wrong secret is: nobody learns which ids there are.
    expect(codeOf(`Bearer ${text.replace('0001', '0002')}`)).toBe('token.unknown');
  });

  test('with any one character of the secret changed is refused', () => {
    const from = text.lastIndexOf('_', text.length - 43) + 1;
    for (let i = Math.max(from, text.length - 43); i < text.length; i++) {
      const changed = text[i] === 'A' ? 'B' : 'A';
      const wrong = text.slice(0, i) + changed + text.slice(i + 1);
      expect(codeOf(`Bearer ${wrong}`), wrong).toBe('token.unknown');
    }
  });
});

describe('a prefix', () => {
  test.each([
    ['numpy', true],
    ['numpy/x', true],
    ['numpy/a/b', true],
    ['numpy2/x', false],
    ['numpy2', false],
    ['simple/numpy/x', true],
    ['simple/x', false],
    ['x/numpy/x', false],
  ])('allows whole segments only: %s %s', (path, allowed) => {
    expect(mayUpload(record, path)).toBe(allowed);
  });

  test('that is empty allows everything, and none nothing', () => {
    expect(mayUpload({ ...record, upload: [''] }, 'any/path')).toBe(true);
    expect(mayUpload({ ...record, upload: [] }, 'any/path')).toBe(false);
  });
});
