/** What happens, as metrics; and a scrape, which also looks at how the ledger is now. */
import type { PlainFailure } from '@tidemark/canonical';
import type { CommitReport } from '@tidemark/log';
import type { PublisherStep } from '@tidemark/publisher';
import type { FoldReport } from '@tidemark/shard';
import { Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';
import { VERSION } from '../version.ts';
import { reasonsAgainst, vitalsOf } from '../engine/ready.ts';
import { expiriesOf } from './expiries.ts';
import { makeMetrics, type Metrics } from './metrics.ts';
import type { Observer, RequestReport, VisibleReport } from './observer.ts';

export interface Scrape {
  /** Its media type. */
  readonly type: string;
  readonly text: string;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
/** Codes are literals of the sources; should one not be, it must not fill the memory. */
const CODES_MAX = 256;

export class MetricObserver implements Observer {
  private readonly registry = new Registry();
  private readonly metrics: Metrics = makeMetrics(this.registry);
  private readonly codes = new Set<string>();

  constructor() {
    this.metrics.build.set({ version: VERSION, node: process.versions.node }, 1);
  }

  request({ listener, method, route, status, ms, bytes, code, uploads }: RequestReport): void {
    const { requests, requestSeconds, sentBytes, problems } = this.metrics;
    const known = METHODS.has(method) ? method : 'other';
    requests.inc({ listener, method: known, route, status: String(status) });
    requestSeconds.observe({ route }, ms / 1000);
    sentBytes.inc(bytes);
    if (code !== undefined) problems.inc({ code: this.bounded(code) });
    if (uploads === undefined) return;
    this.metrics.parseSeconds.observe(uploads.parseMs / 1000);
    this.metrics.uploadsAccepted.inc(uploads.accepted);
    for (const [reason, count] of uploads.refused) {
      this.metrics.uploadsRefused.inc({ code: this.bounded(reason) }, count);
    }
  }

  connections(open: number, max: number): void {
    this.metrics.connections.set(open);
    this.metrics.connectionsLimit.set(max);
  }

  dropped(): void {
    this.metrics.dropped.inc();
  }

  submitted(events: number, ms: number): void {
    this.metrics.intakeEvents.inc(events);
    this.metrics.intakeSeconds.observe(ms / 1000);
  }

  committed({ appends, records, bytes, ms, code }: CommitReport): void {
    const { logSeconds, logAppends, logRecords, logBytes } = this.metrics;
    if (code !== undefined) return this.failed('log', code);
    logSeconds.observe(ms / 1000);
    logAppends.observe(appends);
    logRecords.inc(records);
    logBytes.inc(bytes);
  }

  cut(ms: number): void {
    this.metrics.cuts.inc();
    this.metrics.cutSeconds.observe(ms / 1000);
  }

  folded(report: FoldReport): void {
    const { applied, rejected, roles, ignored, stateBytes, ms } = report;
    const { foldEvents, foldSeconds, foldRoles, foldStateBytes, foldIgnored } = this.metrics;
    this.metrics.decideSeconds.observe(report.decideMs / 1000);
    this.metrics.writeSeconds.observe(report.writeMs / 1000);
    const { reportMs } = report;
    if (reportMs !== undefined) this.metrics.reportSeconds.observe(reportMs / 1000);
    foldEvents.inc({ outcome: 'applied' }, applied);
    foldEvents.inc({ outcome: 'rejected' }, rejected);
    foldSeconds.observe(ms / 1000);
    foldRoles.inc(roles);
    foldStateBytes.inc(stateBytes);
    for (const [code, records] of ignored) foldIgnored.inc({ code: this.bounded(code) }, records);
  }

  took(step: PublisherStep, ms: number): void {
    const { assembleSeconds, sealSeconds, publishSeconds } = this.metrics;
    const seconds = { assemble: assembleSeconds, seal: sealSeconds, publish: publishSeconds };
    seconds[step].observe(ms / 1000);
  }

  scrubbed(): void {
    this.metrics.scrubs.inc();
  }

  visible({ ms }: VisibleReport): void {
    this.metrics.snapshots.inc();
    this.metrics.visibleSeconds.observe(ms / 1000);
  }

  fault({ code }: PlainFailure, who: string): void {
    // `shard 3` is the step `shard`.
    this.failed(who.split(' ')[0]!, code);
  }

  /** All metrics, in Prometheus' text format. @param now ms of the wall clock */
  async scrape(engine: Engine, now: number): Promise<Scrape> {
    const { publisher, intake, options, shards } = engine;
    const { metrics } = this;
    const [backlog, rooms] = await Promise.all([engine.backlog.get(), engine.rooms.get()]);
    const since = (ms: number | undefined): number =>
      ms === undefined ? 0 : Math.max(0, now - ms) / 1000;
    const reasons = reasonsAgainst(vitalsOf(engine), now);
    metrics.ready.set(reasons.length === 0 ? 1 : 0);
    metrics.notReady.reset();
    for (const { code } of reasons) metrics.notReady.set({ code }, 1);
    metrics.intakeQueue.set(intake.queueBytes);
    metrics.intakeQueueLimit.set(intake.queueBytesMax);
    metrics.shards.set(options.shards);
    metrics.shardsRunning.set(shards.figures.runningCount);
    metrics.bodies.set(shards.figures.memoryBytes);
    metrics.bodiesLimit.set(options.memoryBudgetBytes);
    metrics.sealedRefused.set(publisher.refused);
    metrics.snapshot.set(publisher.visible?.n ?? 0);
    metrics.timestampAge.set(since(publisher.visible?.time));
    metrics.unsealedAge.set(since(backlog.since));
    metrics.unsealed.set(backlog.records);
    for (const [role, expires] of expiriesOf(engine)) {
      metrics.expiry.set({ role }, (expires - now) / 1000);
    }
    for (const { folder, freeBytes, diskBytes } of rooms) {
      metrics.diskFree.set({ folder }, freeBytes);
      metrics.diskSize.set({ folder }, diskBytes);
    }
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  private failed(step: string, code: string): void {
    this.metrics.failures.inc({ step, code: this.bounded(code) });
  }

  private bounded(code: string): string {
    if (!this.codes.has(code) && this.codes.size >= CODES_MAX) return 'other';
    this.codes.add(code);
    return code;
  }
}
