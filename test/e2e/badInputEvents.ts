// What anybody may send in place of an event: single ones, lines of them, and ids that were used before.
import { event, NDJSON, one, post, rows, type BadInput, type Row, HASH } from './badInput.ts';

/** NDJSON: what is right stands, and each flaw has its code. */
const LINES: Record<string, Row> = {
  'a line that is no UTF-8': post(
    Buffer.concat([Buffer.from(`${event('kept/utf8')}\n"`), Uint8Array.of(0xff, 0x22, 0x0a)]),
    202,
    'line.utf8',
    { headers: NDJSON, kept: 1 },
  ),
  'wrong lines between right ones': post(
    [event('kept/a'), '{', event('kept/b'), event('a//b'), '{"id":1,"id":1}', '[]'].join('\r\n'),
    202,
    'json.syntax,path.empty_segment,json.duplicate_key,event.shape',
    { headers: NDJSON, kept: 2 },
  ),
  'a type that is spelt otherwise': post(`${event('kept/c')}\n{`, 202, 'json.syntax', {
    headers: 'content-type: Application/X-NDJSON ; charset=utf-8\r\n',
    kept: 1,
  }),
  'a wrong one in an array': post(`[${event('kept/d')},{"id":"a"}]`, 202, 'event.type', {
    kept: 1,
  }),
};

const p = (more: object): string => event('p/1', more);
const length = (text: string): string => event('p/1').replace('"length":1', `"length":${text}`);

const EVENTS: Record<string, [string, string]> = {
  'an event that is a list': ['[[]]', 'event.shape'],
  'an event that is null': ['[null]', 'event.shape'],
  'an unknown field': [p({ more: 1 }), 'event.unknown_field'],
  'who asks': [p({ by: 1 }), 'event.unknown_field'],
  'a time': [p({ time: '2038-01-19T03:14:08Z' }), 'event.unknown_field'],
  'a prototype': [p({}).replace('{', '{"__proto__":{"a":1},'), 'event.unknown_field'],
  'an unknown type': [p({ type: 'target.copied' }), 'event.type'],
  'a type of another kind': [p({ type: ['target.added'] }), 'event.type'],
  'no id': [p({ id: undefined }), 'event.id'],
  'an id with a space': [p({ id: 'a b' }), 'event.id'],
  'an id with a line end': [p({ id: 'a\n' }), 'event.id'],
  'an id that is a time': [p({ id: 1_700_000_000 }), 'event.id'],
  'an id that is too long': [p({ id: 'a'.repeat(65) }), 'event.id'],
  'no length': [p({ length: undefined }), 'event.length'],
  'a length as text': [p({ length: '1' }), 'event.length'],
  'a length below zero': [length('-1'), 'event.length'],
  'a length below zero by nothing': [length('-0'), 'json.number'],
  'half a byte': [length('0.5'), 'json.number'],
  'a fraction of nothing': [length('1.0'), 'json.number'],
  'an exponent': [length('1e3'), 'json.number'],
  'a length beyond all numbers': [length('1e400'), 'json.number'],
  'a length of 2^53': [length('9007199254740992'), 'json.number'],
  'a length of thousand digits': [length('9'.repeat(1000)), 'json.number'],
  'a length with a zero in front': [length('01'), 'json.syntax'],
  'a length in hexadecimal': [length('0x10'), 'json.syntax'],
  'no hash': [p({ hashes: {} }), 'event.hash'],
  'a short hash': [p({ hashes: { sha256: HASH.slice(1) } }), 'event.hash'],
  'a long hash': [p({ hashes: { sha256: `${HASH}a` } }), 'event.hash'],
  'an upper-case hash': [p({ hashes: { sha256: HASH.toUpperCase() } }), 'event.hash'],
  'another hash': [p({ hashes: { md5: HASH } }), 'event.hash'],
  'two hashes': [p({ hashes: { sha256: HASH, sha512: HASH + HASH } }), 'event.hash'],
  'a removal with a length': [p({ type: 'target.removed' }), 'event.length'],
  'a removal with a hash': [p({ type: 'target.removed', length: undefined }), 'event.hash'],
  'an absurd expectation': [p({ expected: 0 }), 'event.expected'],
  'an expectation of a time': [p({ expected: '2026-01-01' }), 'event.expected'],
  'a custom that is none': [p({ custom: 'x' }), 'event.custom'],
  'a custom that is too large': [p({ custom: { x: 'x'.repeat(5000) } }), 'event.custom'],
  'a custom that is too deep': [p({ custom: { x: [[[[[[[[1]]]]]]]] } }), 'event.custom'],
  'a custom that is not ASCII': [p({ custom: { x: '\u202e' } }), 'event.custom'],
  'no path': [p({ path: undefined }), 'path.empty'],
  'an empty path': [event(''), 'path.empty'],
  'an absolute path': [event('/etc/passwd'), 'path.absolute'],
  'a path upwards': [event('../a'), 'path.dot_segment'],
  'a path up and down': [event('a/../../b'), 'path.dot_segment'],
  'a path to where it is': [event('a/./b'), 'path.dot_segment'],
  'a hidden path': [event('a/.b'), 'path.dot_segment'],
  'a path that every object has': [event('__proto__'), 'path.reserved'],
  'an empty segment': [event('a//b'), 'path.empty_segment'],
  'a slash at the end': [event('a/'), 'path.empty_segment'],
  'a path with %2e': [event('a/%2e%2e/b'), 'path.charset'],
  'a path with %2f': [event('a%2fb'), 'path.charset'],
  'a path with %00': [event('a%00'), 'path.charset'],
  'a path with NUL': [event('a\0'), 'path.charset'],
  'a path with a line end': [event('a\r\nb'), 'path.charset'],
  'a path with DEL': [event('a\x7f'), 'path.charset'],
  'a path with a backslash': [event(String.raw`..\a`), 'path.charset'],
  'a path with a space': [event('a b'), 'path.charset'],
  'a path that is not ASCII': [event('a/é'), 'path.charset'],
  'a path with a full-width dot': [event('a/\uff0e\uff0e/b'), 'path.charset'],
  'a path that is too long': [event('a'.repeat(513)), 'path.too_long'],
  'a path that is too deep': [event(Array(17).fill('a').join('/')), 'path.too_deep'],
};

const seen = event('kept/seen', { id: 'seen' });
const key = (value: string): string => `idempotency-key: ${value}\r\n`;
const keyed = event('p/1', { id: undefined });

/** In this order: what comes later meets what came before. */
const IDS: Record<string, Row> = {
  'a first id': post(seen, 202, undefined, { query: '?wait=published', kept: 1 }),
  'an id again': post(seen, 202, 'duplicate', { query: '?wait=published', kept: 1 }),
  'an id again, for another path': post(seen.replace('kept/seen', 'kept/other'), 202, undefined, {
    query: '?wait=published',
    kept: 1,
  }),
  'an id again, with other content': post(seen.replace(':1,', ':2,'), 409, 'id_reused', {
    query: '?wait=published',
    kept: 1,
  }),
  'a path again, with other content': post(event('kept/seen', { length: 2 }), 409, 'conflict', {
    query: '?wait=published',
    kept: 1,
  }),
  'a removal of nothing': post(
    event('absent', { type: 'target.removed', length: undefined, hashes: undefined }),
    409,
    'absent',
    { query: '?wait=published', kept: 1 },
  ),
  'an id of a time to come': post(
    event('kept/time', { id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' }),
    202,
    undefined,
    { query: '?wait=published', kept: 1 },
  ),
  'a key and another id': post(event('p/1'), 422, 'event.id', { headers: key('k') }),
  'a key that is no id': post(keyed, 422, 'event.id', { headers: key('a b') }),
  'an empty key': post(keyed, 422, 'event.id', { headers: key('') }),
  'two keys': post(keyed, 422, 'event.id', { headers: key('a') + key('b') }),
  'a key for two': post(`[${keyed},${keyed}]`, 422, 'http.idempotency', { headers: key('k') }),
  'a key for two lines': post(`${keyed}\n${keyed}`, 422, 'http.idempotency', {
    headers: NDJSON + key('k'),
  }),
  'a wait that is none': post(event('p/1'), 422, 'http.wait', { query: '?wait=soon' }),
  'two waits': post(event('p/1'), 400, 'http.parameter', { query: '?wait=durable&wait=x' }),
};

export const BAD_EVENTS: readonly BadInput[] = [
  ...rows('lines', LINES),
  ...Object.entries(EVENTS).map(([name, [text, code]]) => ({
    name: `event: ${name}`,
    ...one(text, code),
  })),
  ...rows('id', IDS),
];
