// Lines of the log: one for a snapshot, whichever of its reports comes last; none that was not named.
import { expect, test } from 'vitest';
import type { Logger } from '@tidemark/runtime';
import { LogObserver } from '../src/operations/logObserver.ts';
import type { RequestReport } from '../src/operations/observer.ts';

type Told = [level: string, message: string, fields: object | undefined];

function recorder(): { log: Logger; told: Told[] } {
  const told: Told[] = [];
  const at =
    (level: string) =>
    (message: string, fields?: object): void =>
      void told.push([level, message, fields]);
  const [debug, info, warn, error] = [at('debug'), at('info'), at('warn'), at('error')];
  return { told, log: { debug, info, warn, error, reopen: () => {}, flush: async () => {} } };
}

const fold = (n: number, partition: number) => ({
  n,
  partition,
  applied: 3,
  rejected: 1,
  roles: 2,
  ignored: [],
  stateBytes: 10,
  memoryBytes: 100,
  ms: 1.23456,
  decideMs: 0.5,
  writeMs: 0.25,
  reportMs: undefined,
});
const visible = (n: number) => ({ n, time: 0, ms: 7 });
const snapshot = (n: number): Told => [
  'info',
  'snapshot',
  { n, cut_time: '1970-01-01T00:00:00.000Z', events: 8, rejected: 2, roles: 4, ms: 7 },
];

test.each<[string, (observer: LogObserver) => void]>([
  ['visible last', (o) => (o.folded(fold(5, 0)), o.folded(fold(5, 1)), o.visible(visible(5)))],
  ['visible first', (o) => (o.visible(visible(5)), o.folded(fold(5, 0)), o.folded(fold(5, 1)))],
  ['in between', (o) => (o.folded(fold(5, 1)), o.visible(visible(5)), o.folded(fold(5, 0)))],
])('a snapshot is one line: %s', (_, act) => {
  const { log, told } = recorder();
  act(new LogObserver(log, 2));
  expect(told.filter(([level]) => level === 'info')).toEqual([snapshot(5)]);
});

test('cuts that never become visible are forgotten, and hold up no other', () => {
  const { log, told } = recorder();
  const observer = new LogObserver(log, 2);
  for (let n = 1; n <= 1000; n++) observer.folded(fold(n, 0));
  observer.visible(visible(1));
  observer.folded(fold(1, 1));
  expect(told.filter(([level]) => level === 'info')).toEqual([]);
  observer.folded(fold(1000, 1));
  observer.visible(visible(1000));
  expect(told.at(-1)).toEqual(snapshot(1000));
});

const REQUEST: RequestReport = {
  id: 'x',
  listener: 'public',
  method: 'GET',
  route: '/metadata/:name',
  status: 200,
  ms: 1,
  bytes: 9,
  subject: undefined,
  code: undefined,
  uploads: undefined,
};

test.each([
  [{}, 'info'],
  [{ route: '/healthz' }, 'debug'],
  [{ route: '/metrics' }, 'debug'],
  [{ status: 404 }, 'info'],
  [{ status: 503, route: '/readyz' }, 'error'],
])('a request like %j is told at level %s', (change, level) => {
  const { log, told } = recorder();
  new LogObserver(log, 2).request({ ...REQUEST, ...change });
  expect(told.map(([at]) => at)).toEqual([level]);
});
