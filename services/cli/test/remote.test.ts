// What a ledger by its URL is asked, what is waited for and for how long, and what is no answer of a ledger.
import { randomUUID } from 'node:crypto';
import { type RequestListener, type ServerResponse } from 'node:http';
import { parseEvent, type Event } from '@tidemark/event';
import { describe, expect, test } from 'vitest';
import type { Access } from '../src/access/access.ts';
import { ledgerOf, newestSnapshot } from '../src/access/ask.ts';
import { sendEvents } from '../src/commands/send.ts';
import { statusReport } from '../src/commands/status.ts';
import { breaks, goAway, json, LEDGER, open, problem, said, server } from './standIn.ts';

const SHA = 'c0'.repeat(32);
describe('what passes is waited for', () => {
  test.each<[string, RequestListener, RegExp]>([
    [
      '429',
      problem(429, 'rate.subject', { 'retry-after': '1' }),
      /^tidemark: waiting 1 s: .* answered 429 \(rate\.subject\)$/,
    ],
    [
      '503 with a date',
      (request, response) => {
        const at = new Date(Date.now() + 4000).toUTCString();
        problem(503, 'log.unknown', { 'retry-after': at })(request, response);
      },
      /^tidemark: waiting [1-4] s: .* answered 503 \(log\.unknown\)$/,
    ],
  ])('%s, as long as it says', async (_, trouble, told) => {
    const url = await server(trouble, json(LEDGER));
    expect(await ledgerOf(await open(url))).toEqual(LEDGER);
    expect(said).toEqual([expect.stringMatching(told)]);
  });

  test.each<[string, RequestListener]>([
    ['503', problem(503, 'log.unknown')],
    ['408 on a thin line', problem(408, 'http.slow')],
    ['502 of a proxy', (_, response) => response.writeHead(502).end('<html>')],
    ['504', (_, response) => response.writeHead(504).end()],
    ['a broken connection', breaks],
    ['an answer that breaks off', (_, response) => breakOff(response)],
  ])('%s, for a moment', async (_, trouble) => {
    const url = await server(trouble, trouble, json(LEDGER));
    expect(await ledgerOf(await open(url))).toEqual(LEDGER);
  });

  test.each<[string, RequestListener, string, string]>([
    ['429', problem(429, 'intake.ahead', { 'retry-after': '1' }), 'remote.busy', 'intake.ahead'],
    ['503', problem(503, 'log.unknown'), 'remote.down', 'log.unknown'],
    ['a broken connection', breaks, 'ledger.gone', 'ECONNRESET'],
  ])('%s, but not for longer than the bound', async (_, trouble, code, why) => {
    const access = await open(await server(trouble), { retryFor: 600 });
    const asked = ledgerOf(access);
    await expect(asked).rejects.toMatchObject({ code });
    await expect(asked).rejects.toThrow(why);
    await expect(asked).rejects.toThrow('repeating the command is harmless');
  });

  test('a server that goes away is waited for once it was there', async () => {
    const url = await server((request, response) => {
      problem(503, 'log.closed')(request, response);
      response.on('close', () => goAway());
    });
    const asked = ledgerOf(await open(url, { retryFor: 700 }));
    await expect(asked).rejects.toMatchObject({ code: 'ledger.gone' });
    await expect(asked).rejects.toThrow('ECONNREFUSED');
  });

  test('who asks for more than the bound is not waited for at all', async () => {
    let requests = 0;
    const url = await server((request, response) => {
      requests++;
      problem(429, 'rate.subject', { 'retry-after': '3600' })(request, response);
    });
    const asked = ledgerOf(await open(url, { retryFor: 300_000 }));
    await expect(asked).rejects.toThrow('asked to come again in 3600 s');
    expect(requests).toBe(1);
  });

  test('of many in trouble one at a time tries, and the bound is of standing still', async () => {
    let trying = 0;
    let most = 0;
    let refused = 0;
    const url = await server((request, response) => {
      if (refused < 8) {
        refused++;
        problem(503, 'log.unknown')(request, response);
        return;
      }
      most = Math.max(most, ++trying);
      setTimeout(() => {
        trying--;
        json(LEDGER)(request, response);
      }, 150);
    });
    // All together take longer than the bound, but each is answered within it.
    const access = await open(url, { retryFor: 800 });
    const names = await Promise.all(Array.from({ length: 8 }, async () => ledgerOf(access)));
    expect(names).toHaveLength(8);
    expect(most).toBe(1);
  });
});

describe('what is no answer of a ledger', () => {
  test.each<[string, RequestListener, string]>([
    ['a page', (_, response) => response.end('<html>'), 'ledger.answer'],
    ['JSON of another kind', json({ ...LEDGER, bins: 'many' }), 'ledger.answer'],
    ['a list', json([]), 'ledger.answer'],
    ['an endless body', (_, response) => pourInto(response), 'ledger.too_large'],
    ['no HTTP', (request) => void request.socket.end('hello\r\n'), 'ledger.answer'],
    ['another problem', problem(404, 'snapshot.unknown'), 'snapshot.unknown'],
  ])('%s', async (_, listener, code) => {
    const access = await open(await server(listener), { retryFor: 300 });
    await expect(newestOrLedger(access, code)).rejects.toMatchObject({ code });
  });
});

test('a status that tells that the ledger is not ready is no failure', async () => {
  const reasons = [{ code: 'log.full', detail: 'no space left' }];
  const newest = {
    snapshot: 7,
    time: '2026-11-24T12:00:00.000Z',
    merkle_root: SHA,
    versions: { root: 1, snapshot: 7, timestamp: 7 },
  };
  const url = await server(
    problem(401, 'token.absent'),
    json(LEDGER),
    json(newest),
    json({ ready: false, reasons }, 503),
  );
  const lines = await statusReport(await open(url), false, Date.UTC(2026, 10, 24, 12));
  expect(lines).toContain('index         a server is running; it does not do its work\n');
  expect(lines).toContain('  not ready   no space left (log.full)\n');
});

describe('events', () => {
  const event = (path: string): Event =>
    parseEvent({
      id: randomUUID(),
      type: 'target.added',
      path,
      length: 1,
      hashes: { sha256: SHA },
    });
  const receipt = { partition: 1, offset: 7, index: 0 };
  const applied = { state: 'applied', snapshot: 5 };
  const duplicate = {
    state: 'unchanged',
    snapshot: 6,
    code: 'duplicate',
    first: { offset: 3, index: 2 },
  };
  const accepted = (index: number, fate: object): object => ({ index, receipt, fate });

  test('are done when the ledger has said so of each', async () => {
    const url = await server(json({ accepted: [accepted(1, applied)], refused: [] }, 202));
    const sent = sendEvents(await open(url), [event('a'), event('b')], 'published', 4);
    await expect(sent).rejects.toMatchObject({ code: 'ledger.answer' });
  });

  test('that were not sent are no answer', async () => {
    const both = [accepted(0, applied), accepted(1, applied)];
    const url = await server(json({ accepted: both, refused: [] }, 202));
    const sent = sendEvents(await open(url), [event('a')], 'published', 4);
    await expect(sent).rejects.toMatchObject({ code: 'ledger.answer' });
  });

  test.each([
    ['after the import began: what became of it', 4, applied],
    ['of an earlier import: a duplicate', 5, duplicate],
  ])('whose answer got lost, stored %s', async (_, since, fate) => {
    const bodies: string[] = [];
    const paths: string[] = [];
    const upload: RequestListener = (request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        bodies.push(body);
        if (bodies.length === 1) request.socket.destroy();
        else
          response
            .writeHead(202)
            .end(JSON.stringify({ accepted: [accepted(0, duplicate)], refused: [] }));
      });
    };
    const url = await server(upload, upload, (request, response) => {
      paths.push(request.url!);
      json(applied)(request, response);
    });
    const outcomes = await sendEvents(await open(url), [event('a')], 'published', since);
    expect(bodies[1]).toBe(bodies[0]);
    expect(paths).toEqual(['/v1/receipts/1/3/2']);
    expect(outcomes).toMatchObject([{ fate }]);
  });

  test('a duplicate that was sent once is one', async () => {
    const url = await server(json({ accepted: [accepted(0, duplicate)], refused: [] }, 202));
    const outcomes = await sendEvents(await open(url), [event('a')], 'published', 4);
    expect(outcomes).toMatchObject([{ fate: duplicate }]);
  });

  test.each(['token.absent', 'token.expired', 'token.scope'])(
    '%s says what to do',
    async (code) => {
      const url = await server(problem(code === 'token.scope' ? 403 : 401, code));
      const sent = sendEvents(await open(url), [event('a')], 'durable', 0);
      await expect(sent).rejects.toMatchObject({ code });
      await expect(sent).rejects.toThrow('npx tidemark tokens create DIR --subject NAME --upload');
    },
  );
});

async function newestOrLedger(access: Access, code: string): Promise<unknown> {
  return code === 'snapshot.unknown' ? newestSnapshot(access) : ledgerOf(access);
}

function breakOff(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"ledger":', () => response.destroy());
}

function pourInto(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 20, 0x20);
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
}
