/** A client of the HTTP edge, with as little of its own as possible: it shares the cores with what it measures. */
import { request, type Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event } from '@tidemark/event';

export interface Client {
  readonly url: string;
  readonly token: string;
  readonly agent: Agent;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** Seconds. */
  readonly retryAfter: number;
}

export function bodyOf(uploads: Iterator<Event>, lines: number): Buffer {
  let text = '';
  for (let i = 0; i < lines; i++) text += `${JSON.stringify(uploads.next().value)}\n`;
  return Buffer.from(text);
}

export async function get(client: Client, path: string): Promise<Answer> {
  return ask(client, 'GET', path, undefined);
}

export async function post(client: Client, path: string, body: Buffer): Promise<Answer> {
  return ask(client, 'POST', path, body);
}

/** What the ledger says of itself. */
export async function statusOf(
  client: Client,
): Promise<{ readonly backlog_records: number; readonly events_applied: number }> {
  const { body } = await get(client, '/v1/status');
  return JSON.parse(body.toString());
}

/** Until everything that was stored is visible. */
export async function untilCaughtUp(client: Client): Promise<void> {
  while ((await statusOf(client)).backlog_records > 0) await delay(50);
}

/** A figure of `/metrics` without labels; NaN where there is none. */
export async function metric(client: Client, name: string): Promise<number> {
  const { body } = await get(client, '/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body.toString())?.[1]);
}

/** Bytes. */
export async function resident(client: Client): Promise<number> {
  return metric(client, 'process_resident_memory_bytes');
}

async function ask(
  { url, token, agent }: Client,
  method: string,
  path: string,
  body: Buffer | undefined,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body && { 'content-type': 'application/x-ndjson', 'content-length': body.length }),
  };
  const sent = request(new URL(path, url), { method, agent, headers }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('error', reject);
    answer.once('end', () => {
      const { statusCode: status = 0, headers: got } = answer;
      resolve({ status, body: Buffer.concat(chunks), retryAfter: Number(got['retry-after'] ?? 0) });
    });
  });
  sent.once('error', reject);
  sent.end(body);
  return promise;
}
