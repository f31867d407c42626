/** What happens, as lines of a log: requests, snapshots, faults. Only fields that are named here go in. */
import type { PlainFailure } from '@tidemark/canonical';
import type { CommitReport } from '@tidemark/log';
import type { Logger } from '@tidemark/runtime';
import type { FoldReport } from '@tidemark/shard';
import type { Observer, RequestReport, VisibleReport } from './observer.ts';

/** Routes that are asked all the time by machines: they are told at level debug. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);
/** Cuts whose parts are remembered: a void's never become visible. */
const CUTS_MAX = 256;

interface CutParts {
  partitions: number;
  events: number;
  rejected: number;
  roles: number;
  visible: VisibleReport | undefined;
}

export class LogObserver implements Observer {
  private readonly log: Logger;
  private readonly partitions: number;
  private readonly cuts = new Map<number, CutParts>();

  constructor(log: Logger, partitions: number) {
    this.log = log;
    this.partitions = partitions;
  }

  request(report: RequestReport): void {
    const { id, listener, method, route, status, ms, bytes, subject, code, uploads } = report;
    const fields = {
      request_id: id,
      listener,
      method,
      route,
      status,
      ms: rounded(ms),
      bytes,
      subject,
      code,
      accepted: uploads?.accepted,
      refused: uploads && Object.fromEntries(uploads.refused),
    };
    if (status >= 500) this.log.error('request', fields);
    else if (PROBES.has(route)) this.log.debug('request', fields);
    else this.log.info('request', fields);
  }

  /** There may be very many of them: metrics count. */
  connections(): void {}
  dropped(): void {}

  /** Requests and snapshots tell it. */
  submitted(): void {}

  committed({ appends, records, bytes, ms, code }: CommitReport): void {
    const fields = { appends, records, bytes, ms: rounded(ms), code };
    if (code === undefined) this.log.debug('commit', fields);
    else this.log.warn('commit', fields);
  }

  cut(ms: number): void {
    this.log.debug('cut', { ms: rounded(ms) });
  }

  folded({ n, partition, applied, rejected, roles, ms }: FoldReport): void {
    this.log.debug('fold', { n, partition, events: applied, rejected, roles, ms: rounded(ms) });
    const parts = this.partsOf(n);
    parts.partitions++;
    parts.events += applied + rejected;
    parts.rejected += rejected;
    parts.roles += roles;
    this.tellWhole(n, parts);
  }

  /** The line of the snapshot tells it as a whole. */
  took(): void {}

  visible(report: VisibleReport): void {
    const parts = this.partsOf(report.n);
    parts.visible = report;
    this.tellWhole(report.n, parts);
  }

  scrubbed(bytes: number): void {
    this.log.info('scrubbed', { bytes });
  }

  fault({ code, message }: PlainFailure, who: string): void {
    this.log.warn('fault', { who, code, detail: message });
  }

  private partsOf(n: number): CutParts {
    const known = this.cuts.get(n);
    if (known !== undefined) return known;
    const parts = { partitions: 0, events: 0, rejected: 0, roles: 0, visible: undefined };
    this.cuts.set(n, parts);
    if (this.cuts.size > CUTS_MAX) {
      const [oldest] = this.cuts.keys();
      this.cuts.delete(oldest!);
    }
    return parts;
  }

  /** Reports of shards come through other channels than what is visible: whichever is last completes it. */
  private tellWhole(n: number, { partitions, visible, ...sums }: CutParts): void {
    if (partitions < this.partitions || visible === undefined) return;
    this.cuts.delete(n);
    const time = new Date(visible.time).toISOString();
    this.log.info('snapshot', { n, cut_time: time, ...sums, ms: rounded(visible.ms) });
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
