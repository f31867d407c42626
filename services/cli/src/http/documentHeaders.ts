/** The headers that come with a status, whatever the route: they are said once, for the whole document. */

interface Header {
  readonly description: string;
  readonly required: true;
  readonly schema: object;
}
interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
}
export interface Operation {
  readonly parameters?: readonly object[];
  readonly responses: Readonly<Record<string, Answer>>;
}

const text = (description: string, pattern: string): Header => ({
  description,
  required: true,
  schema: { type: 'string', pattern },
});

const REQUEST_ID = {
  'x-request-id': text(
    'Of the request; the one that it came with, if it did.',
    '^[A-Za-z0-9._-]+$',
  ),
};
/** Of what a client may keep. */
const KEPT = {
  etag: text('Of these very bytes: another for each compressed form.', '^"[^"]+"$'),
  'cache-control': text('For how long they are so.', '^public, max-age=\\d+'),
};
const CONTENT_RANGE = text('Where the bytes stand in the file.', '^bytes ');

const BY_STATUS: ReadonlyMap<string, Readonly<Record<string, Header>>> = new Map([
  ['206', { 'content-range': CONTENT_RANGE }],
  ['401', { 'www-authenticate': text('`Bearer`', '^Bearer') }],
  ['416', { 'content-range': CONTENT_RANGE }],
  ['429', { 'retry-after': text('In seconds.', '^[1-9]\\d*$') }],
]);
const KEPT_STATUSES = new Set(['200', '206', '304']);

const IF_NONE_MATCH = {
  name: 'if-none-match',
  in: 'header',
  required: false,
  description: 'Entity tags that the client has; 304 for one of them.',
  schema: { type: 'string' },
  example: '*',
};

/** An operation with the headers of its answers; what may be answered with 304 has a tag to ask with. */
export function withHeaders(operation: Operation): Operation {
  const { parameters = [], responses } = operation;
  const isKept = '304' in responses;
  const answers = Object.entries(responses).map(([status, answer]) => {
    const kept = isKept && KEPT_STATUSES.has(status) ? KEPT : {};
    const headers = { ...answer.headers, ...REQUEST_ID, ...kept, ...BY_STATUS.get(status) };
    return [status, { ...answer, headers }] as const;
  });
  return {
    ...operation,
    ...(isKept && { parameters: [...parameters, IF_NONE_MATCH] }),
    responses: Object.fromEntries(answers),
  };
}
