// Bodies that are too long, too slow or never end; and lines as they arrive, however they are cut up.
import { RejectedInput } from '@tidemark/canonical';
import * as fc from 'fast-check';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { itemsOf, type Item, type ItemLimits } from '../src/http/items.ts';
import { BodyMemory } from '../src/http/requestBody.ts';

const LIMITS: ItemLimits = {
  bodyBytesMax: 100_000,
  eventsMax: 50,
  bodyMsMax: 60_000,
  silenceMsMax: 60_000,
  depthMax: 32,
};

/** What a request's items come to, or the code that ended them. */
async function itemsIn(
  body: ReadableStream<Uint8Array> | string,
  limits: Partial<ItemLimits> = {},
  type = 'application/x-ndjson',
): Promise<{ items: Item[]; code: string | undefined }> {
  const items: Item[] = [];
  let code: string | undefined;
  const app = new Hono().post('/', async (context) => {
    try {
      for await (const some of itemsOf(context, { ...LIMITS, ...limits })) items.push(...some);
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
      code = error.code;
    }
    return context.text('done');
  });
  const init = { method: 'POST', body, headers: { 'content-type': type }, duplex: 'half' };
  const answer = await app.request('/', init);
  expect(answer.status).toBe(200);
  return { items, code };
}

/** Chunks one after the other, then the end, or never. */
function arriving(
  chunks: Iterable<Uint8Array>,
  end: 'end' | 'never' = 'end',
  told: { cancelled?: boolean } = {},
): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = iterator.next();
      if (done !== true) controller.enqueue(value);
      else if (end === 'end') controller.close();
      else await new Promise(() => undefined);
    },
    cancel: () => {
      told.cancelled = true;
    },
  });
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test('lines come to the same, however they are cut up', async () => {
  const line = fc.oneof(
    fc.constantFrom('', '\r', '{', '1', '"é€😀"', '{"a":1,"a":2}', '[[]]', 'x'.repeat(70_000)),
    fc.json({ maxDepth: 2 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      async (lines, sizes, hasEnd) => {
        const bytes = utf8(lines.join('\n') + (hasEnd ? '\n' : ''));
        const limits = { bodyBytesMax: 1 << 20 };
        const cut = await itemsIn(arriving(pieces(bytes, sizes)), limits);
        expect(shown(cut)).toEqual(shown(await itemsIn(arriving([bytes]), limits)));
        const filled = lines.flatMap((text, i) => (text.trim() === '' ? [] : [i + 1]));
        expect(cut.items.map((item) => item.line)).toEqual(filled);
        expect(cut.items.map((item) => item.index)).toEqual(filled.map((_, index) => index));
      },
    ),
    { numRuns: 60 },
  );
});

test('a flaw is that of its line', async () => {
  const lines = ['{"a":1}', '', '{', `"${'x'.repeat(70_000)}"`, '{"a":1,"a":1}', '2'];
  const { items, code } = await itemsIn(lines.join('\n'));
  expect(code).toBe(undefined);
  expect(items.map(({ line, value }) => [line, codeOf(value)])).toEqual([
    [1, undefined],
    [3, 'json.syntax'],
    [4, 'line.too_long'],
    [5, 'json.duplicate_key'],
    [6, undefined],
  ]);
  const [broken] = (await itemsIn(arriving([Uint8Array.of(0x22, 0xff, 0x22)]))).items;
  expect(codeOf(broken!.value)).toBe('line.utf8');
});

test.each<[string, Partial<ItemLimits>, 'application/json' | 'application/x-ndjson']>([
  ['nothing comes for a while', { silenceMsMax: 20 }, 'application/x-ndjson'],
  ['nothing comes for a while', { silenceMsMax: 20 }, 'application/json'],
  ['it takes too long in all', { bodyMsMax: 20 }, 'application/x-ndjson'],
])('a client that stops sending is cut off: %s', async (_, limits, type) => {
  const told = {};
  const { items, code } = await itemsIn(arriving([utf8('1\n2\n')], 'never', told), limits, type);
  expect(code).toBe('http.slow');
  expect(items).toHaveLength(type === 'application/json' ? 0 : 2);
  expect(told).toEqual({ cancelled: true });
});

test('one that sends a byte now and then is cut off too', async () => {
  function* drops(): Generator<Uint8Array> {
    for (;;) yield utf8('1');
  }
  const slow = arriving(drops()).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        controller.enqueue(chunk);
      },
    }),
  );
  const { code } = await itemsIn(slow, { silenceMsMax: 10_000, bodyMsMax: 60 });
  expect(code).toBe('http.slow');
});

test('what never ends is read no further than it may be', async () => {
  let sent = 0;
  function* flood(line: string): Generator<Uint8Array> {
    for (;;) {
      sent += line.length;
      yield utf8(line);
    }
  }
  const told = {};
  expect((await itemsIn(arriving(flood('x'.repeat(1000)), 'end', told))).code).toBe(
    'http.too_large',
  );
  expect(sent).toBeLessThan(LIMITS.bodyBytesMax + 10_000);
  expect(told).toEqual({ cancelled: true });
  expect((await itemsIn(arriving(flood('1\n')))).code).toBe('http.too_many');
  expect((await itemsIn(arriving(flood('\n')))).code).toBe('http.too_large');
});

test('what arrives at once has one memory, which is free again afterwards', async () => {
  const memory = new BodyMemory(5_000);
  const some = utf8('1\n'.repeat(20));
  const large = utf8(`${' '.repeat(4_900)}1\n`);
  const gate = Promise.withResolvers<void>();
  const waiting = arriving([large]).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({ flush: () => gate.promise }),
  );
  const first = itemsIn(waiting, { memory });
  let refused: string | undefined;
  while (refused === undefined)
    refused = (await itemsIn(arriving([some, some, some]), { memory })).code;
  expect(refused).toBe('http.bodies');
  gate.resolve();
  expect((await first).code).toBe(undefined);
  for (let i = 0; i < 3; i++) {
    expect((await itemsIn(arriving([large]), { memory })).code).toBe(undefined);
    expect((await itemsIn(arriving([large, large]), { memory })).code).toBe('http.bodies');
  }
});

function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

function shown({ items, code }: { items: readonly Item[]; code: string | undefined }) {
  return {
    code,
    items: items.map((item) => ({ ...item, value: codeOf(item.value) ?? item.value })),
  };
}

function codeOf(value: Item['value']): string | undefined {
  return value instanceof RejectedInput ? value.code : undefined;
}
