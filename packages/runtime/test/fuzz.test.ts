// Every parser of this package on spoilt input.
import { parseJson } from '@tidemark/canonical';
import { z } from 'zod';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import {
  duration,
  file,
  host,
  makeToken,
  newFile,
  oneOf,
  optionalSetting,
  resolveSettings,
  setting,
  size,
  tokenOf,
  whole,
} from '../src/index.ts';
import { parseTokenRecord } from '../src/token.ts';

/** `readPrivateFile` gives bytes, and reads nothing out of them. */
const SCHEMA = z.strictObject({
  listen: z.strictObject({
    host: setting(host(), { description: 'Address.', fallback: 'localhost' }),
    port: setting(whole('port', 0, 65_535), { description: 'Port.', fallback: 8080 }),
  }),
  work: z.strictObject({
    pause: setting(duration('1ms', '1h'), { description: 'Pause.', fallback: '1s' }),
    memory: setting(size('1M', '4G'), { description: 'Memory.', fallback: '512M' }),
    key: optionalSetting(file(), { description: 'Key.', absent: 'none' }),
    log: optionalSetting(newFile(), { description: 'Log.', absent: 'none' }),
    which: setting(oneOf('all', 'sample'), { description: 'Which.', fallback: 'sample' }),
  }),
});
const SETTINGS = JSON.stringify({
  listen: { host: '::1', port: 1 },
  work: { pause: '2m', memory: '2G', key: '/a', log: '/b', which: 'all' },
});
const NOW = 1_800_000_000_000;
const GRANT = { subject: 'index', upload: ['a/b'], read: false, admin: true, expires: NOW + 1 };
const { text, record } = makeToken(GRANT, NOW, (bytes) => new Uint8Array(bytes).fill(7));

fuzz([
  parser({
    name: 'tokenOf',
    samples: [`Bearer ${text}`, text],
    read: (bytes) =>
      tokenOf(bytes.toString('latin1'), (id) => (id === record.id ? record : undefined), NOW),
    refusals: /^token\.(?:form|unknown|expired)$/,
    demand: (_, bytes) => {
      if (!bytes.toString('latin1').endsWith(text)) throw new Error('another secret');
    },
  }),
  parser({
    name: 'parseTokenRecord',
    samples: [JSON.stringify(record)],
    read: (bytes) => parseTokenRecord(bytes.toString(), 'x.json'),
    kind: 'OperatingFault',
    refusals: /^token\.record$/,
    write: (value) => JSON.stringify(value),
  }),
  parser({
    name: 'resolveSettings, a file',
    samples: [SETTINGS, '{}'],
    read: (bytes) => {
      const source = { path: 'x.json', json: parseJson(bytes) };
      const { values, flaws } = resolveSettings(SCHEMA, {
        flags: new Map(),
        environment: {},
        file: source,
      });
      return { values, flaws: flaws.length };
    },
    refusals: /^json\.[a-z0-9_]+$/,
    demand: ({ values, flaws }) => {
      if ((values === undefined) !== flaws > 0) throw new Error('flaws without a word, or values');
    },
  }),
  parser({
    name: 'resolveSettings, variables and flags',
    samples: ['8080', '250ms', '512M', '::1', 'sample', '/a/b'],
    read: (bytes) => {
      const value = bytes.toString('latin1');
      const environment = { TIDEMARK_LISTEN_PORT: value, TIDEMARK_WORK_PAUSE: value };
      const flags = new Map([
        ['listen.host', value],
        ['work.memory', value],
        ['work.which', value],
        ['work.key', value],
      ]);
      return resolveSettings(SCHEMA, { flags, environment, file: undefined }).values;
    },
    demand: (values) => {
      if (values === undefined) return;
      const { listen, work } = values;
      const numbers = [listen.port, work.pause, work.memory];
      if (!numbers.every(Number.isSafeInteger)) throw new Error(numbers.join());
    },
  }),
]);
