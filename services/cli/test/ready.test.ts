// What makes a ledger not ready, each thing alone and all together.
import { expect, test } from 'vitest';
import { reasonsAgainst, type Vitals } from '../src/engine/ready.ts';

const NOW = Date.UTC(2026, 0, 2);
const WELL: Vitals = {
  fault: undefined,
  timestampExpires: NOW + 1,
  queueBytes: 9,
  queueBytesMax: 10,
};
const FAULT = { kind: 'OperatingFault', code: 'log.full', message: 'no space left' } as const;

test.each<[string, Partial<Vitals>, string[]]>([
  ['nothing', {}, []],
  ['a fault', { fault: FAULT }, ['log.full']],
  ['no snapshot', { timestampExpires: undefined }, ['timestamp.absent']],
  ['an expired timestamp', { timestampExpires: NOW }, ['timestamp.expired']],
  ['a full queue', { queueBytes: 10 }, ['intake.busy']],
  [
    'everything',
    { fault: FAULT, timestampExpires: 0, queueBytes: 11 },
    ['log.full', 'timestamp.expired', 'intake.busy'],
  ],
])('%s', (_, change, codes) => {
  expect(reasonsAgainst({ ...WELL, ...change }, NOW).map(({ code }) => code)).toEqual(codes);
});
