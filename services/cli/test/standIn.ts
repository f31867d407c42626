// A server that answers as a ledger might, or as one should not, and what commands open at its URL.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, vi } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { openRemote, type RemoteOptions } from '../src/access/remote/openRemote.ts';

/** What a ledger says of itself. */
export const LEDGER = {
  ledger: 'a1',
  name: 'index',
  bins: 64,
  partitions: 4,
  delegation: 'succinct',
  policy: { conflict: 'reject', classic_ms: null },
  keeps_files: false,
};

/** What was said to whoever waits, in this test so far. */
export const said: string[] = [];
const closing: (() => void)[] = [];
beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  said.length = 0;
});

/** Answers each request with the next of some listeners, and all that follow with the last. */
export async function server(...listeners: RequestListener[]): Promise<string> {
  let at = 0;
  const each = createServer((request, response) => {
    listeners[Math.min(at++, listeners.length - 1)]!(request, response);
  });
  closing.push(() => {
    each.closeAllConnections();
    each.close();
  });
  await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(each.address() as AddressInfo).port}/`;
}

/** Closes the server that was made first. */
export function goAway(): void {
  closing.shift()?.();
}

/** As a command does; closed after the test. */
export async function open(url: string, options: RemoteOptions = {}): Promise<Access> {
  const access = await openRemote(url, options);
  closing.push(() => void access[Symbol.asyncDispose]());
  return access;
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(status, headers).end(JSON.stringify(value)));
  };
export const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  json({ code, title: 'not now', status }, status, headers);
export const breaks: RequestListener = (request) => void request.socket.destroy();
