/**
 * Every setting of `tidemark serve`, in the order of the flow: where it listens, what it takes, how it
 * works. docs/configuration.md is made from this by `npm run docs`.
 */
import {
  duration,
  file,
  host,
  newFile,
  oneOf,
  optionalSetting,
  setting,
  size,
  whole,
  type SettingsSchema,
} from '@tidemark/runtime';
import { z } from 'zod';

const listen = z
  .strictObject({
    host: setting(host(), {
      description: 'Address on which it answers everybody.',
      fallback: '127.0.0.1',
      flag: '--host <address>',
    }),
    port: setting(whole('port', 0, 65_535), {
      description: 'Port; 0 takes one that is free.',
      fallback: 8080,
      flag: '--port <n>',
    }),
  })
  .describe('Where it listens');

const tls = z
  .strictObject({
    cert: optionalSetting(file(), {
      description: 'Certificate and those between it and its root, PEM; read again at SIGHUP.',
      absent: 'plain HTTP',
    }),
    key: optionalSetting(file(), {
      description: 'Its private key, PEM, that others than owner and group cannot read.',
      absent: 'plain HTTP',
    }),
    min_version: setting(oneOf('TLSv1.2', 'TLSv1.3'), {
      description: 'What a client has to speak at the least.',
      fallback: 'TLSv1.2',
    }),
  })
  .describe('TLS');

const http = z
  .strictObject({
    connections: setting(whole('connections', 16, 1_000_000), {
      description:
        'Open at once; the next is closed unanswered. Never more than half of the files that the process may open.',
      fallback: 10_000,
    }),
    headers_time: setting(duration('1s', '10m'), {
      description: 'For the headers of a request to arrive; then the connection is closed.',
      fallback: '10s',
    }),
    request_time: setting(duration('1s', '1h'), {
      description: 'For a whole request to arrive.',
      fallback: '120s',
    }),
    idle_time: setting(duration('1s', '1h'), {
      description: 'For which a connection is kept open between two requests.',
      fallback: '15s',
    }),
    stall_time: setting(duration('1s', '1h'), {
      description: 'Without a byte of an answer being taken; then the connection is closed.',
      fallback: '60s',
    }),
    cors: setting(oneOf('off', 'reads'), {
      description:
        'Whether pages of other sites may read what anybody may read: TUF metadata, targets, logs, `/v1`.',
      fallback: 'off',
    }),
  })
  .describe('Connections');

const uploads = z
  .strictObject({
    body_size: setting(size('1K', '64M'), {
      description: 'Of the body of one request; a longer one is answered with 413.',
      fallback: '16M',
    }),
    memory: setting(size('64K', '64G'), {
      description:
        'Bodies of all requests while they arrive; more is answered with 429. At least `uploads.body_size`.',
      fallback: '256M',
    }),
    body_time: setting(duration('1s', '1h'), {
      description: 'For the whole body to arrive; a slower one is answered with 408.',
      fallback: '60s',
    }),
    silence_time: setting(duration('1s', '1h'), {
      description: 'Without a byte of the body; then it is answered with 408.',
      fallback: '15s',
    }),
    items: setting(whole('events', 1, 100_000), {
      description: 'In one request.',
      fallback: 10_000,
    }),
    depth: setting(whole('levels', 4, 256), {
      description: 'Of arrays and objects inside each other in a body.',
      fallback: 32,
    }),
    events_per_second: setting(whole('events/s', 1, 1_000_000), {
      description: 'Uploads of one token’s subject in the long run; more is answered with 429.',
      fallback: 20_000,
      flag: '--events-per-second <n>',
    }),
    burst_time: setting(duration('1s', '1h'), {
      description: 'What a subject may send at once: as much as its rate allows in this time.',
      fallback: '60s',
    }),
    subjects: setting(whole('subjects', 1, 1_000_000), {
      description: 'Whose rates are remembered; the one not heard of for longest is forgotten.',
      fallback: 10_000,
    }),
  })
  .describe('Uploads over HTTP');

const intake = z
  .strictObject({
    queue: setting(size('1M', '4G'), {
      description: 'Events in memory that wait to be stored; more is answered with 429.',
      fallback: '64M',
    }),
    ahead: setting(whole('events', 1_000, 100_000_000), {
      description:
        'Stored events that no snapshot shows yet; more is answered with 429, unless snapshots show that many in 10 s.',
      fallback: 50_000,
    }),
  })
  .describe('Intake');

const storage = z
  .strictObject({
    queue: setting(size('1M', '4G'), {
      description: 'Records of all logs that wait for the disk; more is refused (`log.busy`).',
      fallback: '64M',
    }),
    tail: setting(size('1M', '16G'), {
      description: 'Newest records of all logs kept in memory for those who follow them.',
      fallback: '64M',
    }),
    scrub: setting(size('64K', '16G'), {
      description: 'A second, at which logs and state are read again once a day to find damage.',
      fallback: '8M',
    }),
  })
  .describe('The logs on disk');

const ledger = z
  .strictObject({
    cut_interval: setting(duration('1ms', '1h'), {
      description: 'Between two snapshots, at the least.',
      fallback: '1s',
      flag: '--cut-interval <time>',
    }),
    cut_records: setting(whole('records', 1, 1_000_000), {
      description: 'By which one cut advances a partition: what a shard folds at once.',
      fallback: 4096,
    }),
    shards: optionalSetting(whole('threads', 1, 128), {
      description: 'Threads that fold and sign; never more than there are partitions.',
      absent: 'one a core',
      flag: '--shards <n>',
    }),
    memory: setting(size('64K', '999999G'), {
      description: 'Bodies of bins kept in memory, of all shards together.',
      fallback: '512M',
      flag: '--memory <size>',
    }),
    verify_bins: setting(oneOf('all', 'sample'), {
      description: 'Which of the bins’ signatures are verified before they leave.',
      fallback: 'sample',
      flag: '--verify-bins <which>',
    }),
  })
  .describe('Cuts and shards');

const faults = z
  .strictObject({
    wait_time: setting(duration('1s', '24h'), {
      description: 'For which a fault of sealer or publisher is waited out before it stops.',
      fallback: '10m',
    }),
    restarts: setting(whole('restarts', 0, 10_000), {
      description: 'Of a shard’s thread that ends soon after each start.',
      fallback: 20,
    }),
    stop_time: setting(duration('1s', '1h'), {
      description: 'For work under way when it is told to stop.',
      fallback: '30s',
    }),
  })
  .describe('Faults and the end');

const log = z
  .strictObject({
    format: setting(oneOf('text', 'json'), {
      description:
        'What standard error gets: messages for people, or a line of JSON for each thing.',
      fallback: 'text',
    }),
    file: optionalSetting(newFile(), {
      description: 'Gets the lines of JSON, whatever standard error gets; opened anew at SIGHUP.',
      absent: 'none',
    }),
    level: setting(oneOf('debug', 'info', 'warn', 'error', 'silent'), {
      description: 'The least that makes a line of JSON.',
      fallback: 'info',
    }),
  })
  .describe('Logs');

const metrics = z
  .strictObject({
    access: setting(oneOf('admin', 'everyone', 'nobody'), {
      description:
        'Who gets /metrics on the public listener: bearers of an admin token, or whoever asks.',
      fallback: 'admin',
    }),
  })
  .describe('Metrics');

export const SERVE_SETTINGS = z.strictObject({
  listen,
  tls,
  http,
  uploads,
  intake,
  storage,
  ledger,
  faults,
  log,
  metrics,
}) satisfies SettingsSchema;

export type ServeConfig = Readonly<z.infer<typeof SERVE_SETTINGS>>;
