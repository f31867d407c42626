/**
 * What there is to measure: every step of the flow has a rate, its failures and a latency. docs/metrics.md
 * is made from this by `npm run docs`.
 *
 * Labels have few values: routes are patterns, codes are those in the sources, everything else is a fixed
 * list. Counters move once a request, append, cut or snapshot, never once an event.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];
const DISK_SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
const WORK_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Of the library's own metrics those that are well named; its `nodejs_active_*_total` are gauges. */
const OF_THE_PROCESS = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  // Its scrape sets the next two as well.
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_gc_duration_seconds',
] as const;

export type Metrics = ReturnType<typeof makeMetrics>;

/** Metrics of their own in a registry of their own: nothing is global. */
export function makeMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name: `tidemark_${name}`, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name: `tidemark_${name}`, help, labelNames, registers });
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: L[]
  ) => new Histogram<L>({ name: `tidemark_${name}`, help, buckets, labelNames, registers });
  const metrics = {
    ...requestMetrics(counter, gauge, histogram),
    ...storeMetrics(counter, gauge, histogram),
    ...foldMetrics(counter, gauge, histogram),
    ...snapshotMetrics(counter, gauge, histogram),
    ...diskMetrics(gauge),
    failures: counter(
      'failures_total',
      'Operating faults, by the step that suffers them.',
      'step',
      'code',
    ),
    ready: gauge('ready', '1 while /readyz says that the ledger does its work, else 0.'),
    notReady: gauge('not_ready', '1 for each reason that /readyz gives, by code.', 'code'),
    build: gauge('build_info', 'Always 1; its labels say what runs.', 'version', 'node'),
  };
  addProcessMetrics(registry);
  return metrics;
}

type MakeCounter = <L extends string = never>(
  name: string,
  help: string,
  ...labels: L[]
) => Counter<L>;
type MakeGauge = <L extends string = never>(name: string, help: string, ...labels: L[]) => Gauge<L>;
type MakeHistogram = <L extends string = never>(
  name: string,
  help: string,
  buckets: number[],
  ...labels: L[]
) => Histogram<L>;

function requestMetrics(counter: MakeCounter, gauge: MakeGauge, histogram: MakeHistogram) {
  return {
    connections: gauge('http_connections', 'Open connections of the public listener.'),
    connectionsLimit: gauge(
      'http_connections_limit',
      'How many may be open: the setting http.connections, or half of process_max_fds.',
    ),
    dropped: counter(
      'http_connections_dropped_total',
      'Connections closed unanswered, because as many were open as may be.',
    ),
    requests: counter(
      'http_requests_total',
      'Requests answered, by route; status 0 where the client left before.',
      'listener',
      'method',
      'route',
      'status',
    ),
    requestSeconds: histogram(
      'http_request_seconds',
      'From the headers of a request until its answer has left.',
      REQUEST_SECONDS,
      'route',
    ),
    sentBytes: counter('http_sent_bytes_total', 'Bytes of answers, headers included.'),
    problems: counter(
      'http_problems_total',
      'Requests refused or failed as a whole, by code.',
      'code',
    ),
    parseSeconds: histogram(
      'parse_seconds',
      'Of the events of one upload: reading each and judging it.',
      DISK_SECONDS,
    ),
    uploadsAccepted: counter('uploads_accepted_total', 'Events taken in over HTTP.'),
    uploadsRefused: counter('uploads_refused_total', 'Events refused one by one, by code.', 'code'),
  };
}

function storeMetrics(counter: MakeCounter, gauge: MakeGauge, histogram: MakeHistogram) {
  return {
    intakeEvents: counter('intake_events_total', 'Events made durable by this process.'),
    intakeSeconds: histogram(
      'intake_seconds',
      'From taking events in until they are durable.',
      DISK_SECONDS,
    ),
    intakeQueue: gauge('intake_queue_bytes', 'Events that wait to be stored.'),
    intakeQueueLimit: gauge(
      'intake_queue_limit_bytes',
      'How much may wait: the setting intake.queue.',
    ),
    logRecords: counter('log_records_total', 'Records stored in the logs.'),
    logBytes: counter('log_bytes_total', 'Bytes stored in the logs, before compression.'),
    logSeconds: histogram(
      'log_commit_seconds',
      'Of one write to the logs, its fsync included.',
      DISK_SECONDS,
    ),
    logAppends: histogram('log_commit_appends', 'Appends that shared one write.', GROUP_SIZES),
  };
}

function foldMetrics(counter: MakeCounter, gauge: MakeGauge, histogram: MakeHistogram) {
  return {
    cuts: counter('cuts_total', 'Cuts appended by the sealer.'),
    cutSeconds: histogram(
      'cut_seconds',
      'From reading the ends of the logs until the cut is stored.',
      DISK_SECONDS,
    ),
    foldEvents: counter(
      'fold_events_total',
      'Events folded by the shards: applied or rejected.',
      'outcome',
    ),
    foldSeconds: histogram(
      'fold_seconds',
      'Of one partition’s part of a cut, until it is committed.',
      WORK_SECONDS,
    ),
    decideSeconds: histogram(
      'decide_seconds',
      'Of one partition’s part of a cut: reading its events and deciding about each.',
      WORK_SECONDS,
    ),
    writeSeconds: histogram(
      'write_bins_seconds',
      'Of one partition’s part of a cut: the changed bins, made anew, signed and hashed.',
      WORK_SECONDS,
    ),
    reportSeconds: histogram(
      'report_seconds',
      'Of one partition’s part of a cut: appending to the leaves log what came of it.',
      DISK_SECONDS,
    ),
    foldRoles: counter('fold_roles_signed_total', 'Versions of bins signed.'),
    foldStateBytes: counter('fold_state_bytes_total', 'Bytes written to the shards’ state.'),
    foldIgnored: counter(
      'fold_records_ignored_total',
      'Records that counted for nothing, by code.',
      'code',
    ),
    shards: gauge('shards', 'Shards that there should be: the setting ledger.shards.'),
    shardsRunning: gauge('shards_running', 'Shards whose threads run and have opened their state.'),
    bodies: gauge('bodies_bytes', 'Bodies of bins in memory, as of the last cuts.'),
    bodiesLimit: gauge('bodies_limit_bytes', 'How much they may take: the setting ledger.memory.'),
  };
}

function snapshotMetrics(counter: MakeCounter, gauge: MakeGauge, histogram: MakeHistogram) {
  return {
    assembleSeconds: histogram(
      'assemble_seconds',
      'Of one cut, once all parts are there: its Merkle root, snapshot and timestamp, signed.',
      WORK_SECONDS,
    ),
    sealSeconds: histogram('seal_seconds', 'Until a seal is stored in the log.', DISK_SECONDS),
    publishSeconds: histogram(
      'publish_seconds',
      'Of one sealed snapshot, until its files are in the publication store.',
      DISK_SECONDS,
    ),
    snapshots: counter('snapshots_total', 'Snapshots made visible.'),
    visibleSeconds: histogram(
      'visible_seconds',
      'From a cut until its snapshot is visible.',
      WORK_SECONDS,
    ),
    sealedRefused: gauge(
      'sealed_refused',
      'Seals since the start that did not say what the fold gives.',
    ),
    scrubs: counter(
      'scrubs_total',
      'Rounds in which everything on the disk was read again and found as it was written.',
    ),
    snapshot: gauge('snapshot', 'Number of the newest visible snapshot.'),
    timestampAge: gauge('timestamp_age_seconds', 'Since the cut of the timestamp that is served.'),
    unsealedAge: gauge(
      'unsealed_age_seconds',
      'Since the oldest event that no visible snapshot covers; 0 for none.',
    ),
    unsealed: gauge('unsealed_records', 'Records of events that no visible snapshot covers.'),
    expiry: gauge('role_expiry_seconds', 'Until a role expires; 86400 are a day.', 'role'),
  };
}

function diskMetrics(gauge: MakeGauge) {
  return {
    diskFree: gauge('disk_free_bytes', 'Room that is left on the disk of a folder.', 'folder'),
    diskSize: gauge('disk_size_bytes', 'Size of that disk.', 'folder'),
  };
}

function addProcessMetrics(registry: Registry): void {
  const all = new Registry();
  collectDefaultMetrics({ register: all });
  for (const name of OF_THE_PROCESS) {
    const metric = all.getSingleMetric(name);
    if (metric !== undefined) registry.registerMetric(metric);
  }
}
