// Settings: which source wins, what is told of all that is wrong, at once.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { duration, host, oneOf, size, whole } from '@tidemark/runtime';
import {
  optionalSetting,
  resolveSettings,
  setting,
  variableOf,
  type SettingSources,
} from '@tidemark/runtime';

const SCHEMA = z.strictObject({
  listen: z.strictObject({
    host: setting(host(), { description: 'Address.', fallback: '127.0.0.1' }),
    port: setting(whole('port', 0, 65_535), {
      description: 'Port.',
      fallback: 8080,
      flag: '--port <n>',
    }),
  }),
  work: z.strictObject({
    cut_interval: setting(duration('1ms', '1h'), { description: 'Pause.', fallback: '1s' }),
    memory: setting(size('1M', '4G'), { description: 'Memory.', fallback: '512M' }),
    threads: optionalSetting(whole('threads', 1, 8), { description: 'Threads.', absent: 'some' }),
    verify: setting(oneOf('all', 'sample'), { description: 'Which.', fallback: 'sample' }),
  }),
});

const DEFAULTS = {
  listen: { host: '127.0.0.1', port: 8080 },
  work: { cut_interval: 1000, memory: 512 * 2 ** 20, threads: undefined, verify: 'sample' },
};

function resolve({ flags = {}, environment = {}, json }: Partial<Parts>) {
  const file = json === undefined ? undefined : { path: 'x.json', json };
  const entries = new Map(Object.entries(flags));
  const { values, flaws } = resolveSettings(SCHEMA, { flags: entries, environment, file });
  return { values, flaws: flaws.map(({ source, message }) => `${source}: ${message}`) };
}

interface Parts {
  readonly flags: Readonly<Record<string, string>>;
  readonly environment: SettingSources['environment'];
  readonly json: NonNullable<SettingSources['file']>['json'];
}

test('without sources there are the defaults', () => {
  expect(resolve({})).toEqual({ values: DEFAULTS, flaws: [] });
  expect(resolve({ json: {} })).toEqual({ values: DEFAULTS, flaws: [] });
  expect(resolve({ json: { work: {} } })).toEqual({ values: DEFAULTS, flaws: [] });
});

test('flags win over the environment, that over the file, that over the defaults', () => {
  const json = { listen: { port: 1, host: 'file' }, work: { memory: '1M', threads: 3 } };
  const environment = { TIDEMARK_LISTEN_PORT: '2', TIDEMARK_WORK_MEMORY: '2M' };
  const flags = { 'listen.port': '3' };
  expect(resolve({ flags, environment, json }).values).toEqual({
    listen: { host: 'file', port: 3 },
    work: { ...DEFAULTS.work, memory: 2 * 2 ** 20, threads: 3 },
  });
});

test('a variable that is empty counts as unset, one of another program too', () => {
  const environment = {
    TIDEMARK_LISTEN_PORT: '',
    TIDEMARK_LISTEN_HOST: undefined,
    TIDEMARK_PASSPHRASE_FILE: '/x',
    LISTEN_PORT: 'x',
  };
  expect(resolve({ environment })).toEqual({ values: DEFAULTS, flaws: [] });
});

test('everything wrong is told at once, with its place and what is allowed', () => {
  const { values, flaws } = resolve({
    flags: { 'listen.port': '65536' },
    environment: { TIDEMARK_WORK_MEMORY: '5G', TIDEMARK_LISTEN_PROT: '1', TIDEMARK_WORK_X: '1' },
    json: {
      listen: { prot: 1, host: 'a b' },
      work: { cut_interval: 250, verify: 'none', threads: null },
      constructor: {},
      wrok: 1,
    },
  });
  expect(values).toBe(undefined);
  expect(flaws).toEqual([
    'x.json: listen.prot is no setting; did you mean listen.port?',
    'x.json: constructor is no setting',
    'x.json: wrok is no setting; did you mean work?',
    'the environment: TIDEMARK_LISTEN_PROT is no setting; did you mean TIDEMARK_LISTEN_PORT?',
    'the environment: TIDEMARK_WORK_X is no setting',
    'x.json: listen.host is "a b"; it needs a host name, an IPv4 or an IPv6 address',
    '--port: listen.port is "65536"; it needs a whole number from 0 to 65535',
    'x.json: work.cut_interval is 250; it needs a time from 1ms to 1h: a number with ms, s, m, h, like 250ms, 1s',
    'TIDEMARK_WORK_MEMORY: work.memory is "5G"; it needs a size from 1M to 4G: a number with K, M, G, like 512M, 2G',
    'x.json: work.threads is null; it needs a whole number from 1 to 8',
    'x.json: work.verify is "none"; it needs one of all, sample',
  ]);
});

test.each([
  ['no object', [1], 'x.json: it needs an object of groups'],
  ['a group that is none', { listen: 5 }, 'x.json: listen needs an object'],
  ['what overlays it is no way around', { listen: [] }, 'x.json: listen needs an object'],
])('%s', (_, json, flaw) => {
  expect(resolve({ json, environment: { TIDEMARK_LISTEN_PORT: '1' } })).toEqual({
    values: undefined,
    flaws: [flaw],
  });
});

describe('how values are written', () => {
  test.each([
    ['1ms', 1],
    ['90s', 90_000],
    ['60m', 3_600_000],
    ['1h', 3_600_000],
    ['61m', undefined],
    ['0s', undefined],
    ['1d', undefined],
    ['1 s', undefined],
    ['-1s', undefined],
    ['1e3s', undefined],
    ['1', undefined],
  ])('a time of %s', (text, ms) => {
    expect(duration('1ms', '1h').read(text)).toBe(ms);
  });

  test.each([8080.5, -1, 65_536, true, '', '0x10', '1e3', ' 1', '99999999999999999999', null])(
    'a port of %j is none',
    (value) => {
      expect(whole('port', 0, 65_535).read(value)).toBe(undefined);
    },
  );

  test('a number means the same in a file and in a variable', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
        const [variable] = [variableOf('listen.port')];
        const inFile = resolve({ json: { listen: { port } } });
        const inVariable = resolve({ environment: { [variable]: String(port) } });
        expect(inFile.values?.listen.port).toBe(port);
        expect(inVariable).toEqual(inFile);
      }),
    );
  });
});
