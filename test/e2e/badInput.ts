// How bad input is written down: the bytes, and how they are answered.
import { randomUUID } from 'node:crypto';
import type { Step } from './rawHttp.ts';

/** What the cases know of the ledger that they are sent to. */
export interface Known {
  /** Texts of tokens, by what they are for. */
  readonly tokens: ReadonlyMap<string, string>;
  /** A place in its changes, in plain text: ledger, snapshot, partition, bin, change. */
  readonly cursor: string;
  /** The SHA-256 of a target of which it has the bytes. */
  readonly target: string;
}

export interface BadInput {
  readonly name: string;
  readonly steps: (known: Known) => Iterable<Step>;
  /** Whether our side is closed afterwards. */
  readonly end?: boolean;
  /** Of the one answer; undefined where the connection is closed without any. */
  readonly status: number | undefined;
  /**
   * Of the problem, or those of the events, in order. Undefined: the answer is not a problem, or the HTTP
   * parser gave it, and then it has no body.
   */
  readonly code?: string;
  /** Events that stand all the same, as the interface promises. */
  readonly kept?: number;
}

export const HASH = 'a'.repeat(64);
export const NDJSON = 'content-type: application/x-ndjson\r\n';
export const CLOSE = 'host: x\r\nconnection: close\r\n';

/** An event that would be taken, but for what is changed. */
export function event(path: string, more: object = {}): string {
  const id = randomUUID();
  const upload = { id, type: 'target.added', path, length: 1, hashes: { sha256: HASH }, ...more };
  return JSON.stringify(upload);
}

export type Row = Omit<BadInput, 'name'>;

/** A request without a body. */
export function get(path: string, status: number, code?: string, headers = ''): Row {
  const steps = (): Step[] => [`GET ${path} HTTP/1.1\r\n${CLOSE}${headers}\r\n`];
  return { steps, status, ...(code !== undefined && { code }) };
}

/** An upload whose length is stated. */
export function post(
  body: string | Uint8Array,
  status: number,
  code?: string,
  more: { headers?: string; token?: string; query?: string; kept?: number } = {},
): Row {
  const { headers = '', token = 'everything', query = '', kept = 0 } = more;
  const steps = ({ tokens }: Known): Step[] => [
    `POST /v1/events${query} HTTP/1.1\r\n${CLOSE}authorization: Bearer ${tokens.get(token)}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`,
    body,
  ];
  return { steps, status, kept, ...(code !== undefined && { code }) };
}

/** An upload whose framing is in the headers, and what follows them. */
export function framed(headers: string, rest: Iterable<Step>, status: number, code?: string): Row {
  const steps = function* ({ tokens }: Known): Generator<Step> {
    const bearer = `authorization: Bearer ${tokens.get('everything')}\r\n`;
    yield `POST /v1/events HTTP/1.1\r\nhost: x\r\n${bearer}${headers}\r\n\r\n`;
    yield* rest;
  };
  return { steps, status, ...(code !== undefined && { code }) };
}

/** Bytes as they are. */
export function bytes(text: string | Uint8Array, status: number | undefined, code?: string): Row {
  return { steps: () => [text], status, ...(code !== undefined && { code }) };
}

/** One event alone: 422 with its code. */
export const one = (text: string, code: string): Row => post(text, 422, code);
/** One after the other: for as long as it is listened to. */
export function* drip(step: string, pauseMs: number, times: number): Generator<Step> {
  for (let i = 0; i < times; i++) yield* [step, pauseMs];
}

/** Rows as cases, named after their group. */
export function rows(group: string, table: Record<string, Row>): BadInput[] {
  return Object.entries(table).map(([name, row]) => ({ name: `${group}: ${name}`, ...row }));
}
