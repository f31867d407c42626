// Asking what is known: a look that hangs or fails keeps nobody waiting and takes nothing away.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { BrokenInvariant, OperatingFault } from '@tidemark/canonical';
import { Latest } from '../src/engine/latest.ts';

test('each look gives what there is', async () => {
  let seen = 0;
  const latest = new Latest(async () => ++seen, 0);
  expect([await latest.get(), await latest.get()]).toEqual([1, 2]);
});

test('while a look hangs the last one stands, and no second one is begun', async () => {
  const looks: PromiseWithResolvers<string>[] = [];
  const latest = new Latest(
    () => {
      looks.push(Promise.withResolvers<string>());
      return looks.at(-1)!.promise;
    },
    'nothing yet',
    1,
  );
  expect(await Promise.all([latest.get(), latest.get()])).toEqual(['nothing yet', 'nothing yet']);
  expect(looks).toHaveLength(1);
  looks[0]!.resolve('came late');
  await looks[0]!.promise;
  expect(await latest.get()).toBe('came late');
  expect(await latest.get()).toBe('came late');
  expect(looks).toHaveLength(2);
});

test('who does not wait gets what the look before has seen', async () => {
  let seen = 0;
  const latest = new Latest(async () => ++seen, 0, 0);
  expect(await latest.get()).toBe(0);
  await delay(0);
  expect(await latest.get()).toBe(1);
});

test('an operating fault leaves what was known; a defect is told', async () => {
  const answers = [
    async () => 'seen',
    async () => Promise.reject(new OperatingFault('log.read', 'a read failed')),
    async () => Promise.reject(new BrokenInvariant('log.corrupt', 'damaged')),
    async () => 'seen again',
  ];
  const latest = new Latest(() => answers.shift()!(), 'nothing yet');
  expect([await latest.get(), await latest.get()]).toEqual(['seen', 'seen']);
  await expect(latest.get()).rejects.toThrow('damaged');
  expect(await latest.get()).toBe('seen again');
});
