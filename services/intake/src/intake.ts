/**
 * Intake: events in, durable receipts out.
 *
 * One lane a partition, one append under way in each: what arrives meanwhile goes into the next, so
 * batches grow with the load. An append that fails may have been stored all the same: the lane reads
 * the log back before it sends the same batch, under the same sequence number, again.
 */
import { equalBytes, OperatingFault } from '@tidemark/canonical';
import { sha256HexNative, type Signer } from '@tidemark/canonical/native';
import { partitionOfPathHash } from '@tidemark/bin';
import {
  batchBytes,
  batchEventsMax,
  batchSubjectsMax,
  encodeBatch,
  encodeEvent,
  recordBytesMax,
  type BatchHeader,
  type Event,
  type GenesisSigned,
} from '@tidemark/event';
import { appendSurely, type Log, type Sleep } from '@tidemark/log';
import { DrainRate } from './drainRate.ts';

/** Where an event stands: with it its outcome can be asked for. */
export interface Receipt {
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
}

export interface IntakeOptions {
  readonly genesis: GenesisSigned;
  readonly events: Log;
  readonly signer: Signer;
  /** Names this run; another one after every start, so that sequence numbers start at 0. */
  readonly run: string;
  readonly now: () => number;
  readonly sleep: Sleep;
  /** Bytes of events waiting in memory, at the most. */
  readonly queueBytesMax?: number | undefined;
}

const QUEUE_BYTES_MAX = 64 << 20;
/** Where nothing drains: whatever is wrong takes a while. */
const BUSY_SECONDS_MAX = 60;
/** Bytes of one append: some thousand events. */
const APPEND_BYTES_MAX = 1 << 20;

/** One submission: a receipt an event, filled in as its lanes make progress. */
interface Submission {
  readonly receipts: Receipt[];
  missing: number;
  readonly resolve: (receipts: Receipt[]) => void;
  readonly reject: (reason: unknown) => void;
}

interface Waiting {
  readonly text: string;
  readonly of: Submission;
  /** The event's place in its submission. */
  readonly place: number;
}

interface Batch {
  readonly bytes: Uint8Array;
  readonly events: readonly Waiting[];
}

export class Intake {
  private readonly options: IntakeOptions;
  private readonly lanes: readonly Lane[];
  private readonly partitionBits: number;
  /** Bytes of events that may wait. */
  readonly queueBytesMax: number;
  private readonly drained: DrainRate;

  constructor(options: IntakeOptions) {
    this.options = options;
    this.partitionBits = Math.log2(options.genesis.partitions);
    this.queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX;
    this.drained = new DrainRate(options.now());
    this.lanes = Array.from(
      { length: options.genesis.partitions },
      (_, partition) => new Lane(options, partition, this.drained),
    );
  }

  /** Bytes of events that wait to be appended. */
  get queueBytes(): number {
    return this.lanes.reduce((sum, { queueBytes }) => sum + queueBytes, 0);
  }

  /** Seconds until half of what waits is likely to be gone, by the rate of late. */
  get busySeconds(): number {
    const perSecond = this.drained.perSecond(this.options.now());
    const seconds = perSecond === 0 ? BUSY_SECONDS_MAX : this.queueBytes / 2 / perSecond;
    return Math.min(BUSY_SECONDS_MAX, Math.max(1, seconds));
  }

  /**
   * Makes events durable. Each is judged for itself.
   * @param events as `parseEvent` gave them
   * @param subject on whose behalf, printable ASCII without `"` and `\`, 1 to 256 characters
   * @returns a receipt an event, in order, once all are durable
   * @throws OperatingFault `intake.busy` (nothing was stored), `log.unknown` (may be stored: the
   *   same ids may be sent again)
   */
  async submit(events: readonly Event[], subject: string): Promise<Receipt[]> {
    if (this.queueBytes > this.queueBytesMax) {
      throw new OperatingFault('intake.busy', 'too many events are waiting; try again later');
    }
    if (events.length === 0) return [];
    const lanes = events.map(
      ({ path }) => this.lanes[partitionOfPathHash(sha256HexNative(path), this.partitionBits)]!,
    );
    if ([...new Set(lanes)].some((lane) => !lane.hasRoomFor(subject))) {
      throw new OperatingFault('intake.busy', 'too many subjects upload at once; try again later');
    }
    const { promise, resolve, reject } = Promise.withResolvers<Receipt[]>();
    const of = { receipts: [], missing: events.length, resolve, reject };
    events.forEach((event, place) => lanes[place]!.add(event, subject, of, place));
    return promise;
  }

  /** Resolves when nothing is under way any more. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.lanes.map((lane) => lane.idle()));
  }
}

class Lane {
  private readonly options: IntakeOptions;
  private readonly partition: number;
  private readonly subjects: string[] = [];
  private queue: Waiting[] = [];
  queueBytes = 0;
  private seq = 0;
  private working: Promise<void> | undefined;
  private readonly drained: DrainRate;

  constructor(options: IntakeOptions, partition: number, drained: DrainRate) {
    this.options = options;
    this.drained = drained;
    this.partition = partition;
  }

  add(event: Event, subject: string, of: Submission, place: number): void {
    const by = this.subjectIndex(subject);
    const text = encodeEvent(by === 0 ? event : { ...event, by });
    this.queue.push({ text, of, place });
    this.queueBytes += text.length;
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
  }

  /** Whether one subject more fits into the batches that are being gathered. */
  hasRoomFor(subject: string): boolean {
    return this.subjects.length < batchSubjectsMax || this.subjects.includes(subject);
  }

  async idle(): Promise<void> {
    await this.working;
  }

  /** Subjects are numbered per queue; the table starts anew with every append. */
  private subjectIndex(subject: string): number {
    const known = this.subjects.indexOf(subject);
    return known >= 0 ? known : this.subjects.push(subject) - 1;
  }

  private async work(): Promise<void> {
    // One turn later, so that events submitted together travel together.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const queue = this.queue;
      const subjects = this.subjects.splice(0);
      this.queue = [];
      this.queueBytes = 0;
      for (const batches of this.appends(queue, subjects)) await this.append(batches);
    }
  }

  /** Groups what waited into batches that fit a record, and batches into appends. */
  private *appends(queue: readonly Waiting[], subjects: readonly string[]): Generator<Batch[]> {
    let group: Batch[] = [];
    let groupBytes = 0;
    for (const events of split(queue, this.room(subjects))) {
      const bytes = encodeBatch(
        this.header(subjects),
        events.map(({ text }) => text),
        this.options.signer,
      );
      this.seq++;
      if (groupBytes + bytes.length > APPEND_BYTES_MAX && group.length > 0) {
        yield group;
        group = [];
        groupBytes = 0;
      }
      group.push({ bytes, events });
      groupBytes += bytes.length;
    }
    if (group.length > 0) yield group;
  }

  private header(subjects: readonly string[]): BatchHeader {
    const { genesis, run, now } = this.options;
    const { partition, seq } = this;
    return { ledger: genesis.ledger, partition, intake: run, seq, time: now(), subjects };
  }

  private room(subjects: readonly string[]): number {
    const header = { ...this.header(subjects), seq: Number.MAX_SAFE_INTEGER };
    return recordBytesMax - batchBytes(header);
  }

  private async append(batches: readonly Batch[]): Promise<void> {
    try {
      const { events, sleep } = this.options;
      const records = batches.map(({ bytes }) => bytes);
      const before = await events.end(this.partition);
      let isRepeated = false;
      const stored = await appendSurely(events, this.partition, records, sleep, () => {
        isRepeated = true;
        return this.find(records[0]!, before);
      });
      this.drained.note(
        records.reduce((sum, { length }) => sum + length, 0),
        this.options.now(),
      );
      // An earlier attempt may have come to the log after all: its place is the one that counts.
      const first = isRepeated ? ((await this.find(records[0]!, before)) ?? stored) : stored;
      batches.forEach(({ events }, i) => {
        const offset = first + i;
        events.forEach((event, index) => {
          settle(event, { partition: this.partition, offset, index });
        });
      });
    } catch (error) {
      for (const { events } of batches) for (const { of } of events) of.reject(error);
    }
  }

  /** The offset of a record at or behind `from`, if it was stored after all. */
  private async find(record: Uint8Array, from: number): Promise<number | undefined> {
    const { events } = this.options;
    const end = await events.end(this.partition);
    for (let next = from; next < end;) {
      const chunk = await events.read(this.partition, next);
      const at = chunk.records.findIndex((other) => equalBytes(other, record));
      if (at >= 0) return next + at;
      next += chunk.records.length;
    }
    return undefined;
  }
}

function settle({ of, place }: Waiting, receipt: Receipt): void {
  of.receipts[place] = receipt;
  if (--of.missing === 0) of.resolve(of.receipts);
}

/** Runs of events whose texts fit into so many bytes. */
function* split(queue: readonly Waiting[], room: number): Generator<Waiting[]> {
  let run: Waiting[] = [];
  let bytes = 0;
  for (const event of queue) {
    if (run.length === batchEventsMax || (bytes + event.text.length + 1 > room && run.length > 0)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(event);
    bytes += event.text.length + 1;
  }
  if (run.length > 0) yield run;
}
