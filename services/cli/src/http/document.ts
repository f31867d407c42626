/**
 * The OpenAPI document: routes are declared with the schemas that read their parameters and describe their
 * answers, and the document is made from those.
 */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { RejectedInput } from '@tidemark/canonical';
import type { BlankEnv } from 'hono/types';
import { withHeaders, type Operation } from './documentHeaders.ts';

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Tidemark',
    version: '1',
    description:
      'TUF metadata, proofs and reads for everybody; uploads with a token. Whatever is not as asked for is an ' +
      'RFC 9457 problem document with a stable code. Every path answers 405 with `Allow` to methods that it does not ' +
      'have, and HEAD as GET. A request header `x-request-id` comes back, or a new one.',
  },
  tags: [
    { name: 'tuf', description: 'What TUF clients fetch' },
    { name: 'reads', description: 'What is, what was, what changed' },
    { name: 'uploads', description: 'Events' },
    { name: 'operations', description: 'For who runs it' },
  ],
};

/** For routes whose last parameter is a whole path, with slashes, and whatever else: a dot would leave line breaks out. */
export const WHOLE_PATH = '{[^]+}';

/** For routes whose last parameter is a file, beside others of the same length that are none. */
export const JSON_FILE = '{[^/]+[.]json}';

export type App = OpenAPIHono<BlankEnv>;

/** An application whose parameters are refused with a code. */
export function documentedApp(): App {
  return new OpenAPIHono<BlankEnv>({
    defaultHook: (result: { success: boolean; error?: z.ZodError }) => {
      if (result.success || result.error === undefined) return;
      throw new RejectedInput('http.parameter', z.prettifyError(result.error));
    },
  });
}

/** The document of all routes declared so far. */
export function documentOf(app: App): object {
  const document = app.getOpenAPI31Document(INFO);
  const paths = Object.entries(document.paths ?? {}).map(([path, item]) => {
    const operations = Object.entries(item as Readonly<Record<string, Operation>>).map(
      ([method, operation]) => [method, withHeaders(operation)] as const,
    );
    return [
      path.replace(WHOLE_PATH, '').replace(JSON_FILE, ''),
      Object.fromEntries(operations),
    ] as const;
  });
  return { ...document, paths: Object.fromEntries(paths) };
}

/** A JSON answer. */
export function json<S extends z.ZodType>(description: string, schema: S) {
  return { description, content: { 'application/json': { schema } } };
}

/** Plain text. */
export function text(description: string) {
  return { description, content: { 'text/plain': { schema: z.string() } } };
}

/** Plain text, or HTML for who prefers it. */
export function textOrPage(description: string) {
  const schema = z.string();
  return { description, content: { 'text/plain': { schema }, 'text/html': { schema } } };
}

/** Bytes. */
export function bytes(description: string) {
  const schema = { type: 'string', format: 'binary' } as const;
  return { description, content: { 'application/octet-stream': { schema } } };
}

/** 304 has no body. */
export const NOT_MODIFIED = { description: 'What the client has is still so.' };

/** A problem document with one of some codes. */
export function problemWith<const Codes extends readonly [string, ...string[]]>(...codes: Codes) {
  return problemIn(z.enum(codes), codes.map((code) => `\`${code}\``).join(', '));
}

/** A problem document; more codes than are worth listing. */
export function problemIn<Code extends z.ZodType<string>>(code: Code, description: string) {
  const schema = z.object({
    code: code.describe('Stable; docs/errors.md says what to do.'),
    title: z.string().describe('For people; may change.'),
    status: z.int(),
    request_id: z.string().optional().describe('As in the header x-request-id.'),
  });
  return { description, content: { 'application/problem+json': { schema } } };
}

/** What every route may answer that has to ask the ledger. */
export const FAULTS = {
  500: problemIn(z.string(), 'A defect of this server, or damage to what it holds.'),
  503: problemIn(z.string(), 'A fault that passes: come again.'),
};

/** A whole number in a path or a query. */
export const wholeNumber = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})$/, 'a whole number')
  .transform(Number)
  .openapi({ type: 'integer', minimum: 0, maximum: 10 ** 15 - 1 });
