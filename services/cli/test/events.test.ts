// Uploads against a ledger that fails in the middle: what stands is told, whatever ends the request.
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import type { Event } from '@tidemark/event';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { acceptEvents, EVENT_LIMITS, type Caller } from '../src/http/events.ts';
import { problemOf } from '../src/http/problem.ts';

interface Answer {
  readonly code?: string;
  readonly title?: string;
  readonly accepted?: readonly { readonly index: number; readonly fate: unknown }[];
  readonly refused?: readonly { readonly line: number; readonly code: string }[];
}

const GROUP = 4096;
const CALLER: Caller = {
  subject: 'tester',
  mayUpload: () => true,
  mayRunAhead: false,
  take: () => 0,
};

/** An engine of which only `submit` works, as it is told to. */
function engineOf(
  submit: (events: readonly Event[], call: number) => unknown,
  aheadAfter = Infinity,
): {
  engine: Engine;
  calls: number[];
  atOnceMax(): number;
} {
  const calls: number[] = [];
  let atOnce = 0;
  let most = 0;
  const engine = {
    intake: { busySeconds: 7 },
    unseen: { waitSeconds: () => (calls.length >= aheadAfter ? 9 : 0) },
    submit: async (events: readonly Event[]) => {
      calls.push(events.length);
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce--;
      submit(events, calls.length);
      return events.map((_, index) => ({ partition: 0, offset: calls.length, index }));
    },
  };
  return { engine: engine as unknown as Engine, calls, atOnceMax: () => most };
}

const line = (i: number): string =>
  JSON.stringify({ id: `id-${i}`, type: 'target.removed', path: `p/${i}` });
const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => line(i));

async function post(
  engine: Engine,
  body: BodyInit,
  type = 'application/x-ndjson',
  caller = CALLER,
): Promise<{ status: number; answer: Answer; headers: Headers }> {
  const app = new Hono().onError(problemOf);
  app.post('/', async (context) => acceptEvents(engine, context, caller, EVENT_LIMITS));
  const init = { method: 'POST', body, headers: { 'content-type': type }, duplex: 'half' };
  const response = await app.request('/', init);
  const answer = (await response.json()) as Answer;
  return { status: response.status, answer, headers: response.headers };
}

/** Lines in chunks of a thousand. */
function arriving(all: readonly string[]): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= all.length) return controller.close();
      controller.enqueue(new TextEncoder().encode(`${all.slice(at, at + 1000).join('\n')}\n`));
      at += 1000;
    },
  });
}

test('lines are stored in groups, one at a time; an array as a whole', async () => {
  const streamed = engineOf(() => undefined);
  const { status, answer } = await post(streamed.engine, arriving(lines(10_000)));
  expect([status, answer.accepted?.length, answer.refused]).toEqual([202, 10_000, []]);
  expect(answer.accepted?.map(({ index }) => index)).toEqual(Array.from(lines(10_000).keys()));
  expect(streamed.calls).toEqual([5000, 5000]);
  expect(streamed.atOnceMax()).toBe(1);
  const whole = engineOf(() => undefined);
  await post(whole.engine, `[${lines(10_000).join(',')}]`, 'application/json');
  expect(whole.calls).toEqual([10_000]);
});

test.each([
  ['busy', new OperatingFault('intake.busy', 'later'), 429, 'intake.busy'],
  ['at a loss', new OperatingFault('log.unknown', 'who knows'), 503, 'log.unknown'],
  ['broken', new BrokenInvariant('log.corrupt', 'damage'), 500, 'log.corrupt'],
])('an intake that is %s after a group: the group stands', async (_, error, status, code) => {
  const { engine } = engineOf((_events, call) => {
    if (call === 2) throw error;
  });
  const body = ['x', ...lines(9_999)];
  const { status: said, answer, headers } = await post(engine, arriving(body));
  expect([said, answer.code]).toEqual([status, code]);
  expect(answer.accepted).toHaveLength(4_999);
  expect(answer.accepted?.[0]).toMatchObject({ index: 1, fate: { state: 'pending' } });
  expect(answer.refused).toMatchObject([{ line: 1, code: 'json.syntax' }]);
  expect(headers.get('retry-after')).toBe(status === 429 ? '7' : null);
  expect(headers.get('content-type')).toBe('application/problem+json');
});

test.each([
  ['busy', new OperatingFault('intake.busy', 'later'), 429, 'intake.busy'],
  ['at a loss', new OperatingFault('log.unknown', 'who knows'), 503, 'log.unknown'],
])('an intake that is %s at once: nothing stands', async (_, error, status, code) => {
  const { engine } = engineOf(() => {
    throw error;
  });
  const { status: said, answer } = await post(engine, arriving(lines(9_000)));
  expect([said, answer]).toEqual([status, { code, title: error.message, status }]);
});

test('an intake that fails while the rest is still on its way: it is told once that has come', async () => {
  const { engine } = engineOf(() => {
    throw new OperatingFault('log.unknown', 'who knows');
  });
  const slow = arriving(lines(9_000)).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        controller.enqueue(chunk);
      },
    }),
  );
  expect(await post(engine, slow)).toMatchObject({ status: 503, answer: { code: 'log.unknown' } });
});

test('a defect says nothing about itself', async () => {
  const { engine } = engineOf(() => {
    throw new TypeError('secret');
  });
  const { status, answer } = await post(engine, line(1));
  expect([status, answer]).toEqual([
    500,
    { code: 'http.defect', title: 'a defect of this server', status: 500 },
  ]);
});

test('more than its rate: no further group is stored', async () => {
  let left = GROUP * 2;
  const take = (events: number): number => {
    if (events > left) return 3.2;
    left -= events;
    return 0;
  };
  const { engine, calls } = engineOf(() => undefined);
  const { status, answer, headers } = await post(engine, arriving(lines(9_500)), undefined, {
    ...CALLER,
    take,
  });
  expect([status, answer.code, headers.get('retry-after')]).toEqual([429, 'rate.subject', '4']);
  expect([calls, answer.accepted?.length]).toEqual([[5000], 5000]);
});

test('what runs ahead of the snapshots is sent away, but for who waits for them', async () => {
  const ahead = engineOf(() => undefined, 1);
  const refused = await post(ahead.engine, arriving(lines(10_000)));
  expect([refused.status, refused.answer.code]).toEqual([429, 'intake.ahead']);
  expect(refused.headers.get('retry-after')).toBe('9');
  expect(refused.answer.accepted).toHaveLength(5000);
  expect(ahead.calls).toEqual([5000]);
  const owner = engineOf(() => undefined, 1);
  const type = 'application/x-ndjson';
  const body = arriving(lines(10_000));
  const taken = await post(owner.engine, body, type, { ...CALLER, mayRunAhead: true });
  expect([taken.status, taken.answer.accepted?.length]).toEqual([202, 10_000]);
});
