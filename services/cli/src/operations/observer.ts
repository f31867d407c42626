/** The port through which a running ledger tells what it does: to logs, to metrics, to nobody. */
import type { PlainFailure } from '@tidemark/canonical';
import type { CommitReport } from '@tidemark/log';
import type { PublisherStep } from '@tidemark/publisher';
import type { FoldReport } from '@tidemark/shard';

/** A request that has been answered, or whose client is gone. */
export interface RequestReport {
  /** Also in the header `x-request-id` of the answer and in problem documents. */
  readonly id: string;
  readonly listener: 'public' | 'socket';
  readonly method: string;
  /** The pattern that matched, `/metadata/:name`; `none` for what is not there. */
  readonly route: string;
  /** Of the answer; 0 where the client left before it began. */
  readonly status: number;
  readonly ms: number;
  /** Sent, headers included. */
  readonly bytes: number;
  /** Of the token; undefined where none was looked at. */
  readonly subject: string | undefined;
  /** Of the problem document, if it was one. */
  readonly code: string | undefined;
  /** Of an upload; undefined where it was none or was refused as a whole. */
  readonly uploads: UploadNote | undefined;
}

export interface UploadNote {
  readonly accepted: number;
  /** By code. */
  readonly refused: ReadonlyMap<string, number>;
  /** For reading its events, one by one, and judging each. */
  readonly parseMs: number;
}

/** A snapshot that clients can see. */
export interface VisibleReport {
  readonly n: number;
  /** Of its cut, ms of the wall clock. */
  readonly time: number;
  /** From its cut until it was visible. */
  readonly ms: number;
}

export interface EngineObserver {
  /** Events were made durable. */
  submitted(events: number, ms: number): void;
  /** A group of appends was written to the logs, or could not be. */
  committed(report: CommitReport): void;
  /** The sealer appended a cut. */
  cut(ms: number): void;
  /** A shard committed its part of a cut. */
  folded(report: FoldReport): void;
  /** The publisher has done one of its steps. */
  took(step: PublisherStep, ms: number): void;
  /** Of snapshots that were sealed before the start nothing is told. */
  visible(report: VisibleReport): void;
  /** Everything on the disk was read again, and is what was written. */
  scrubbed(bytes: number): void;
  /** An operating fault is waited out. @param who suffers it: `publisher`, `shard 0` */
  fault(failure: PlainFailure, who: string): void;
}

export interface Observer extends EngineObserver {
  request(report: RequestReport): void;
  /** A connection to the public listener was opened or closed. @param open how many there are, of at most `max` */
  connections(open: number, max: number): void;
  /** One more than may be open was closed unanswered. */
  dropped(): void;
}

/** Tells each of several observers. */
export function tellAll(observers: readonly Observer[]): Observer {
  const each = (tell: (observer: Observer) => void): void => observers.forEach(tell);
  return {
    request: (report) => each((observer) => observer.request(report)),
    connections: (open, max) => each((observer) => observer.connections(open, max)),
    dropped: () => each((observer) => observer.dropped()),
    submitted: (events, ms) => each((observer) => observer.submitted(events, ms)),
    committed: (report) => each((observer) => observer.committed(report)),
    cut: (ms) => each((observer) => observer.cut(ms)),
    folded: (report) => each((observer) => observer.folded(report)),
    took: (step, ms) => each((observer) => observer.took(step, ms)),
    visible: (report) => each((observer) => observer.visible(report)),
    scrubbed: (bytes) => each((observer) => observer.scrubbed(bytes)),
    fault: (failure, who) => each((observer) => observer.fault(failure, who)),
  };
}
