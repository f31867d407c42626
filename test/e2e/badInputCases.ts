// What anybody may send instead of a request: bodies, tokens, framing, addresses, cursors and headers.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  bytes,
  CLOSE,
  drip,
  event,
  framed,
  get,
  HASH,
  NDJSON,
  one,
  post,
  rows,
  type BadInput,
  type Known,
  type Row,
} from './badInput.ts';
import { BAD_EVENTS } from './badInputEvents.ts';
import type { Step } from './rawHttp.ts';

/** Set so in the server under test. */
export const SETTINGS = {
  http: { headers_time: '1s', request_time: '5s', idle_time: '1s', stall_time: '4s' },
  uploads: {
    body_size: '64K',
    memory: '1M',
    body_time: '2s',
    silence_time: '1s',
    items: 100,
    depth: 16,
  },
  ledger: { cut_interval: '50ms' },
  metrics: { access: 'everyone' },
};

const SLOW: Record<string, Row> = {
  'half a request line': bytes('GET /heal', 408),
  'HTTP/0.9': bytes('GET /healthz\r\n', 408),
  'half a head': bytes('GET /healthz HTTP/1.1\r\nhost: x\r\n', 408),
  'a head, line by line': {
    steps: function* () {
      yield 'GET /healthz HTTP/1.1\r\n';
      yield* drip('a: b\r\n', 100, 100);
    },
    status: 408,
  },
  'not a byte': bytes('', 408),
  'half a body': framed('content-length: 9', ['{'], 408, 'http.slow'),
  'a body, byte by byte': framed('content-length: 99', drip(' ', 100, 99), 408, 'http.slow'),
  'half of a chunk': framed('transfer-encoding: chunked', ['9\r\n{'], 408, 'http.slow'),
  'lines, byte by byte': framed(
    `${NDJSON}transfer-encoding: chunked`,
    drip('1\r\n\n\r\n', 100, 99),
    408,
    'http.slow',
  ),
  'gzip in transfer': framed(
    'transfer-encoding: gzip, chunked',
    ['1\r\n1\r\n0\r\n\r\n'],
    415,
    'http.encoding',
  ),
  'chunks without an end': framed(
    'transfer-encoding: chunked',
    Array<string>(8).fill(`4000\r\n${' '.repeat(0x4000)}\r\n`),
    413,
    'http.too_large',
  ),
  'a gigabyte, said': framed('content-length: 1073741824', ['{'], 413, 'http.too_large'),
  'half a body without a token': bytes(
    'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
    401,
    'token.absent',
  ),
  'half a body for nobody': bytes(
    'POST /v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
    404,
    'http.not_found',
  ),
};

const BODIES: Record<string, Row> = {
  nothing: post('', 422, 'json.syntax'),
  'no lines': post('\n\n', 422, 'http.empty', { headers: NDJSON }),
  'no events': post('[]', 422, 'http.empty'),
  'no JSON': post('hello', 422, 'json.syntax'),
  'a form': post('id=1&path=a', 422, 'json.syntax', {
    headers: 'content-type: application/x-www-form-urlencoded\r\n',
  }),
  'half an array': post('[{"id":"x"', 422, 'json.syntax'),
  'lines that are not said to be lines': post('{}\n{}\n', 422, 'json.syntax'),
  'two values': post('{}{}', 422, 'json.syntax'),
  'a comment': post('{}//', 422, 'json.syntax'),
  NaN: post('[NaN]', 422, 'json.syntax'),
  'a control character': post('["a\u0001"]', 422, 'json.syntax'),
  'a byte that is no UTF-8': post(Uint8Array.of(0x22, 0xff, 0x22), 422, 'json.utf8'),
  'an overlong slash': post(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 422, 'json.utf8'),
  'a surrogate in UTF-8': post(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 422, 'json.utf8'),
  'UTF-16': post(Buffer.from(event('p'), 'utf16le'), 422, 'json.syntax'),
  'a byte-order mark': post(`\ufeff${event('p')}`, 422, 'json.bom'),
  'half a surrogate pair': one(event('p').replace('"p"', String.raw`"\ud800"`), 'json.surrogate'),
  'a name of half a pair': one(String.raw`{"\udc00":1}`, 'json.surrogate'),
  'a key twice': one('{"id":"a","id":"b"}', 'json.duplicate_key'),
  'a key twice, once escaped': one(String.raw`{"id":"a","i\u0064":"b"}`, 'json.duplicate_key'),
  'a key twice, far inside': one('{"custom":{"a":[{"b":1,"b":1}]}}', 'json.duplicate_key'),
  'levels beyond the limit': one('['.repeat(17) + ']'.repeat(17), 'json.too_deep'),
  'levels beyond any stack': one('['.repeat(30_000) + ']'.repeat(30_000), 'json.too_deep'),
  'open brackets': one('['.repeat(60_000), 'json.syntax'),
  'a byte too much': post(' '.repeat((64 << 10) + 1), 413, 'http.too_large'),
  'too many events': post(`[${'1,'.repeat(100)}1]`, 413, 'http.too_many'),
  'too many lines': post('1\n'.repeat(101), 413, 'http.too_many', { headers: NDJSON }),
  gzip: post(gzipSync(event('p')), 415, 'http.encoding', {
    headers: 'content-encoding: gzip\r\n',
  }),
  'a gzip bomb': post(gzipSync(Buffer.alloc(32 << 20)), 415, 'http.encoding', {
    headers: 'content-encoding: GZIP\r\n',
  }),
  'a zstd bomb': post(zstdCompressSync(Buffer.alloc(64 << 20)), 415, 'http.encoding', {
    headers: 'content-encoding: identity, zstd\r\n',
  }),
  'a bomb that is not said to be one': post(gzipSync(Buffer.alloc(1 << 20)), 422, 'json.utf8'),
  'a body cut off': { ...framed('content-length: 99', ['{"id":'], 400), end: true },
  'chunks cut off': { ...framed('transfer-encoding: chunked', ['9\r\n{'], 400), end: true },
};

const bearer = (text: string): string => `authorization: ${text}\r\n`;
const status = (headers: string, code: string): Row => get('/v1/status', 401, code, headers);

const TOKENS: Record<string, Row> = {
  'no token': status('', 'token.absent'),
  'an empty one': status(bearer(''), 'token.form'),
  'a name and a password': status(bearer('Basic eDp5'), 'token.form'),
  'a token cut off': status(bearer(`Bearer tdm_${'0'.repeat(16)}_${'A'.repeat(42)}`), 'token.form'),
  'a token with more': status(
    bearer(`Bearer tdm_${'0'.repeat(16)}_${'A'.repeat(44)}`),
    'token.form',
  ),
  'a token of 8 KB': status(bearer(`Bearer ${'A'.repeat(8000)}`), 'token.form'),
  'a token that nobody made': status(
    bearer(`Bearer tdm_${'0'.repeat(16)}_${'A'.repeat(43)}`),
    'token.unknown',
  ),
  'a token with another secret': {
    steps: ({ tokens }) => [
      `GET /v1/status HTTP/1.1\r\n${CLOSE}` +
        `${bearer(`Bearer ${tokens.get('admin')!.slice(0, 21)}${'A'.repeat(43)}`)}\r\n`,
    ],
    status: 401,
    code: 'token.unknown',
  },
  'a token that has expired': post(event('p/1'), 401, 'token.expired', { token: 'expired' }),
  'a token to read': post(event('p/1'), 403, 'token.scope', { token: 'reader' }),
  'a token to administer': post(event('p/1'), 403, 'token.scope', { token: 'admin' }),
  'a token to upload, for the status': {
    steps: ({ tokens }) => [
      `GET /v1/status HTTP/1.1\r\n${CLOSE}${bearer(`Bearer ${tokens.get('everything')}`)}\r\n`,
    ],
    status: 403,
    code: 'token.scope',
  },
  'a token for other paths': post(event('other/a'), 403, 'token.path', { token: 'numpy' }),
  'a token for the beginning of a name': post(event('numpy2/a'), 403, 'token.path', {
    token: 'numpy',
  }),
  'a token for what is beside': post(event('a/numpy/b'), 403, 'token.path', { token: 'numpy' }),
  'a token for some of it': post(
    `[${event('numpy/kept')},${event('numpy')},${event('numpy-x')},${event('simple/numpyx')}]`,
    202,
    'token.path,token.path',
    { token: 'numpy', kept: 2 },
  ),
};

const FRAMING: Record<string, Row> = {
  'a length and chunks': framed(
    'content-length: 5\r\ntransfer-encoding: chunked',
    ['0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
    400,
  ),
  'chunks and a length': framed(
    'transfer-encoding: chunked\r\ncontent-length: 5',
    ['0\r\n\r\n'],
    400,
  ),
  'two lengths': framed('content-length: 2\r\ncontent-length: 3', ['{}{'], 400),
  'a length twice': framed('content-length: 2\r\ncontent-length: 2', ['{}'], 400),
  'a list of lengths': framed('content-length: 2, 2', ['{}'], 400),
  'a length in the head below zero': framed('content-length: -2', ['{}'], 400),
  'a length with a sign': framed('content-length: +2', ['{}'], 400),
  'a length in sixteens': framed('content-length: 0x2', ['{}'], 400),
  'a length of 24 digits': framed(`content-length: ${'9'.repeat(24)}`, ['{}'], 400),
  'chunks under a space': framed('transfer-encoding : chunked', ['0\r\n\r\n'], 400),
  'chunks that are not last': framed('transfer-encoding: chunked, gzip', ['0\r\n\r\n'], 400),
  'chunks by another name': framed('transfer-encoding: xchunked', ['0\r\n\r\n'], 400),
  'a chunk of no size': framed('transfer-encoding: chunked', ['x\r\n{}\r\n'], 400),
  'a chunk of negative size': framed('transfer-encoding: chunked', ['-1\r\n{}\r\n'], 400),
  'a chunk of 2^80': framed('transfer-encoding: chunked', ['100000000000000000000\r\n'], 400),
  'a chunk longer than it says': framed('transfer-encoding: chunked', ['1\r\n{}\r\n0\r\n'], 400),
  'a chunk with a long remark': framed(
    'transfer-encoding: chunked',
    [`1;${'a'.repeat(60_000)}\r\n1\r\n`],
    413,
  ),
  'a header of 20 KB': get('/healthz', 431, undefined, `a: ${'b'.repeat(20_000)}\r\n`),
  'ten thousand headers': get('/healthz', 431, undefined, 'a: b\r\n'.repeat(10_000)),
  'an address of 20 KB': get(`/${'a'.repeat(20_000)}`, 431),
  'NUL in a header': get('/healthz', 400, undefined, 'a: \0\r\n'),
  'a header with a space in its name': get('/healthz', 400, undefined, 'a b: c\r\n'),
  'a header over two lines': get('/healthz', 400, undefined, 'a: b\r\n c\r\n'),
  'lines without CR': bytes('GET /healthz HTTP/1.1\nhost: x\n\n', 400),
  'no host': bytes('GET /healthz HTTP/1.1\r\n\r\n', 400),
  'an empty host': bytes(
    'GET / HTTP/1.1\r\nconnection: close\r\nhost:\r\n\r\n',
    400,
    'http.request',
  ),
  'a host with a path': bytes(
    'GET / HTTP/1.1\r\nconnection: close\r\nhost: x/y@z\r\n\r\n',
    400,
    'http.request',
  ),
  'HTTP/1.0 without a host': bytes('GET /healthz HTTP/1.0\r\n\r\n', 400, 'http.request'),
  'HTTP/1.2': bytes('GET /healthz HTTP/1.2\r\nhost: x\r\n\r\n', 400),
  'HTTP/2': bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400),
  TLS: bytes(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), 400),
  'an unknown method': bytes('FROB /healthz HTTP/1.1\r\nhost: x\r\n\r\n', 400),
  'a method in lower case': bytes('get /healthz HTTP/1.1\r\nhost: x\r\n\r\n', 400),
  'a tunnel': bytes('CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n', undefined),
  'another scheme': get('ftp://x/healthz', 400, 'http.request'),
  'no address': bytes(`OPTIONS * HTTP/1.1\r\n${CLOSE}\r\n`, 400, 'http.request'),
  'a wrong method': bytes(`DELETE /v1/events HTTP/1.1\r\n${CLOSE}\r\n`, 405, 'http.method'),
  'an echo': bytes(`TRACE /healthz HTTP/1.1\r\n${CLOSE}\r\n`, 405, 'http.method'),
  'an absurd wish': get('/healthz', 417, undefined, 'expect: a miracle\r\n'),
};

const PATHS: Record<string, [path: string, status: number, code: string]> = {
  'a control character': ['/v1/targets/a\x01', 400, ''],
  'a letter beyond ASCII': ['/v1/targets/é', 400, ''],
  'a backslash': [String.raw`/v1/targets/a\b`, 400, 'http.request'],
  'a backslash, escaped': ['/v1/targets/a%5cb', 400, 'path.charset'],
  'a half escape': ['/v1/targets/a%2', 400, 'path.charset'],
  'NUL, escaped': ['/v1/targets/a%00', 400, 'path.charset'],
  'an escape twice': ['/v1/targets/a%252fb', 400, 'path.charset'],
  'a slash in front, escaped': ['/v1/targets/%2fetc/passwd', 400, 'path.absolute'],
  'dots behind an escaped slash': ['/v1/targets/a%2f..%2fb', 400, 'path.dot_segment'],
  'a hidden file': ['/v1/targets/.git', 400, 'path.dot_segment'],
  'two slashes': ['/v1/targets/a//b', 400, 'path.empty_segment'],
  'escaped dots out of the folder': ['/targets/%2e%2e%2f%2e%2e/ledger.json', 404, 'http.not_found'],
  'dots out of the server': ['/../../../etc/passwd', 404, 'http.not_found'],
  'a snapshot in a fraction': ['/v1/targets/a?at=1.5', 400, 'http.parameter'],
  'a snapshot with an exponent': ['/v1/targets/a?at=1e3', 400, 'http.parameter'],
  'a snapshot below zero': ['/v1/targets/a?at=-1', 400, 'http.parameter'],
  'a time': ['/v1/targets/a?at=2026-01-01T00:00:00Z', 400, 'http.parameter'],
  'a snapshot of twenty digits': [`/v1/targets/a?at=${'9'.repeat(20)}`, 400, 'http.parameter'],
  'two snapshots': ['/v1/targets/a?at=1&at=2', 400, 'http.parameter'],
  'a snapshot to come': ['/v1/targets/a?at=999999999999999', 404, 'snapshot.unknown'],
  'the snapshot before the first': ['/v1/snapshots/0', 404, 'snapshot.unknown'],
  'a partition too many': ['/v1/receipts/4/0/0', 404, 'receipt.unknown'],
  'a receipt below zero': ['/v1/receipts/0/-1/0', 400, 'http.parameter'],
  'a page of nothing': ['/v1/changes?limit=0', 400, 'http.parameter'],
  'a page of everything': ['/v1/changes?limit=1001', 400, 'http.parameter'],
  'a cursor of nothing': ['/v1/changes?after=', 400, 'changes.cursor'],
  'a cursor of 8 KB': [`/v1/changes?after=${'A'.repeat(8000)}`, 400, 'changes.cursor'],
  'a cursor in a path': ['/v1/snapshots/1/changes?after=x', 400, 'changes.cursor'],
};

/** The ledger's own cursor, with one of its parts exchanged. */
function cursor(part: number, value: string, code?: string, headers?: string): Row {
  const steps = (known: Known): Step[] => {
    const text = Buffer.from(known.cursor.split('.').with(part, value).join('.'));
    const after = text.toString('base64url');
    const asked = headers === undefined ? `?after=${after}` : '';
    const more = headers === undefined ? '' : `${headers}last-event-id: ${after}\r\n`;
    return [`GET /v1/changes${asked} HTTP/1.1\r\n${CLOSE}${more}\r\n`];
  };
  return code === undefined ? { steps, status: 200 } : { steps, status: 400, code };
}
const STREAM = 'accept: text/event-stream\r\n';

const CURSORS: Record<string, Row> = {
  'a cursor of another ledger': cursor(0, '00000000', 'changes.cursor'),
  'a cursor of no snapshot': cursor(1, '0', 'changes.cursor'),
  'a cursor of a snapshot in hexadecimal': cursor(1, '0x1', 'changes.cursor'),
  'a cursor with a zero in front': cursor(1, '01', 'changes.cursor'),
  'a cursor of a partition too many': cursor(2, '4', 'changes.cursor'),
  'a cursor of a snapshot to come': cursor(1, '999999999999999'),
  'a cursor of a bin too many': cursor(3, '999999999'),
  'a cursor of a change too many': cursor(4, '999999999'),
  'a stream from another ledger': cursor(0, '00000000', 'changes.cursor', STREAM),
  'a stream from nowhere': get(
    '/v1/changes',
    400,
    'changes.cursor',
    `${STREAM}last-event-id: x\r\n`,
  ),
  'a stream from 8 KB': get(
    '/v1/changes',
    400,
    'changes.cursor',
    `${STREAM}last-event-id: ${'A'.repeat(8000)}\r\n`,
  ),
};

/** A range of the target's bytes. */
function range(value: string, status: number, code?: string): Row {
  const steps = ({ target }: Known): Step[] => [
    `GET /targets/${target}.demo/a HTTP/1.1\r\n${CLOSE}range: ${value}\r\n\r\n`,
  ];
  return { steps, status, ...(code !== undefined && { code }) };
}
const file = (headers: string): Row => get('/metadata/1.root.json', 200, undefined, headers);

/** What RFC 9110 says to ignore, is. */
const CONDITIONS: Record<string, Row> = {
  'a range behind the end': range('bytes=99-', 416, 'http.range'),
  'a range of nothing': range('bytes=-0', 416, 'http.range'),
  'a range backwards': range('bytes=5-1', 200),
  'a range of 30 digits': range(`bytes=${'9'.repeat(30)}-`, 200),
  'ranges by the thousand': range(`bytes=${'0-0,'.repeat(1000)}1-1`, 200),
  'a range of something else': range('lines=1-2', 200),
  'a date that is none': file('if-modified-since: Sat, 99 Nov 9999 99:99:99 GMT\r\n'),
  'a date of a thousand years': file('if-modified-since: Sat, 01 Jan 3026 00:00:00 GMT\r\n'),
  'tags that never end': file(`if-none-match: ${'"'.repeat(5000)}\r\n`),
  'codings that are none': file('accept-encoding: ;;q=,gzip;q=nan,*;q=-1\r\n'),
  'languages by the thousand': file(`accept: ${'a/b;q=0.1,'.repeat(900)}\r\n`),
};

/** Anybody may ask for proofs, without a token. */
function question(body: string | Uint8Array, status: number, code: string, headers = ''): Row {
  const steps = (): Step[] => [
    `POST /merkle/${HASH}/proofs HTTP/1.1\r\n${CLOSE}` +
      `content-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`,
    body,
  ];
  return { steps, status, code };
}
const roles = (list: readonly unknown[]): string => JSON.stringify({ roles: list });

const QUESTIONS: Record<string, Row> = {
  'under no root': question(roles(['targets']), 404, 'http.not_found'),
  'of no role': question(roles([]), 400, 'http.parameter'),
  'of 257 roles': question(roles(Array(257).fill('targets')), 400, 'http.parameter'),
  'of a role with a slash': question(roles(['../targets']), 400, 'http.parameter'),
  'of a role that is a number': question(roles([1]), 400, 'http.parameter'),
  'of a role with a name without end': question(roles(['a'.repeat(129)]), 400, 'http.parameter'),
  'with more than it takes': question('{"roles":["targets"],"x":1}', 400, 'http.parameter'),
  'that is a list': question('["targets"]', 400, 'http.parameter'),
  'that is nothing': question('', 422, 'json.syntax'),
  'that is no JSON': question('{', 422, 'json.syntax'),
  'with a member twice': question('{"roles":[],"roles":["a"]}', 422, 'json.duplicate_key'),
  'too deep': question('['.repeat(99) + ']'.repeat(99), 422, 'json.too_deep'),
  'that is large': question(' '.repeat((64 << 10) + 1), 413, 'http.too_large'),
  'that is compressed': question(
    gzipSync(roles(['targets'])),
    415,
    'http.encoding',
    'content-encoding: gzip\r\n',
  ),
};

/** Of these, sent at once, 17 have room; those stop there. */
export const LARGE_INPUT: BadInput = {
  name: 'a large body, most of it',
  ...framed('content-length: 61000', [' '.repeat(60_000)], 408, 'http.slow'),
};

/** They take as long as they may, so they are best sent at once. */
export const SLOW_INPUTS: readonly BadInput[] = rows('slow', SLOW);

export const BAD_INPUTS: readonly BadInput[] = [
  ...rows('body', BODIES),
  ...BAD_EVENTS,
  ...rows('token', TOKENS),
  ...rows('framing', FRAMING),
  ...Object.entries(PATHS).map(([name, [path, answered, code]]) => ({
    name: `address: ${name}`,
    ...get(path, answered, code === '' ? undefined : code),
  })),
  ...rows('cursor', CURSORS),
  ...rows('question', QUESTIONS),
  ...rows('header', CONDITIONS),
];
