// Requests as bytes on a connection: what no HTTP client would send, and all that came back.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes that are sent, or a pause in milliseconds. */
export type Step = string | Uint8Array | number;

export interface RawReply {
  /** Of each answer; a request that was hidden in another would add one. */
  readonly statuses: readonly number[];
  /** Of the last answer, in lower case. */
  readonly head: string;
  /** Of the last answer; empty where the HTTP parser refused. */
  readonly body: string;
}

/** Longer than any limit of a server under test. */
const CLOSED_MS_MAX = 30_000;

/**
 * Sends the steps one after the other over one connection, and reads until the server closes it.
 * @param end whether our side is closed after the last step
 * @throws where the server keeps it open
 */
export async function exchange(
  url: string,
  steps: Iterable<Step>,
  end: boolean = false,
): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // One that is reset is closed too, and what came before stands.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, CLOSED_MS_MAX);
  for (const step of steps) {
    if (socket.destroyed) break;
    if (typeof step === 'number') await delay(step);
    else if (!socket.write(step)) await Promise.race([once(socket, 'drain'), closed]);
  }
  if (end) socket.end();
  await closed;
  clearTimeout(late);
  const text = Buffer.concat(chunks).toString();
  if (isLate) throw new Error(`the connection is kept open after: ${text}`);
  const heads = [...text.matchAll(/^HTTP\/1\.1 (\d{3})[^]*?\r\n\r\n/gm)];
  const last = heads.at(-1);
  return {
    statuses: heads.map(([, status]) => Number(status)),
    head: last?.[0].toLowerCase() ?? '',
    body: last === undefined ? '' : bodyOf(text.slice(last.index + last[0].length)),
  };
}

/** The last chunk alone is an empty body. */
function bodyOf(text: string): string {
  return text === '0\r\n\r\n' ? '' : text;
}
