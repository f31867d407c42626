/** Events that are durable and in no visible snapshot yet: read from the log itself, so a restart changes nothing. */
import { RejectedInput } from '@tidemark/canonical';
import { decodeBatch } from '@tidemark/event';
import type { Log } from '@tidemark/log';

export interface Backlog {
  /** Of all partitions together. */
  readonly records: number;
  /** When the oldest was taken in, by its intake's clock, ms; undefined where there is none. */
  readonly since: number | undefined;
}

/** @param vector next offsets that the visible snapshot covers */
export async function backlogOf(events: Log, vector: readonly number[]): Promise<Backlog> {
  const behind = await Promise.all(
    vector.map(async (from, partition) => {
      const records = Math.max(0, (await events.end(partition)) - from);
      const since = records === 0 ? undefined : await timeAt(events, partition, from);
      return { records, since };
    }),
  );
  const times = behind.flatMap(({ since }) => since ?? []);
  return {
    records: behind.reduce((sum, { records }) => sum + records, 0),
    since: times.length === 0 ? undefined : Math.min(...times),
  };
}

/** Of the first batch there: whoever can write to the log may have put anything before it. */
async function timeAt(events: Log, partition: number, from: number): Promise<number | undefined> {
  const { records } = await events.read(partition, from);
  for (const record of records) {
    try {
      return decodeBatch(record).signed.time;
    } catch (error) {
      if (!(error instanceof RejectedInput)) throw error;
    }
  }
  return undefined;
}
