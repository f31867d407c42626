/**
 * What the shards did last, in the thread that is asked: they tell it after each cut. A shard that folds
 * answers nothing meanwhile, so nobody waits for one to be told how busy it is.
 */
import type { FoldReport, ShardStats } from '@tidemark/shard';

export class ShardFigures {
  private readonly running = new Set<number>();
  /** By partition. */
  private readonly memory = new Map<number, number>();
  /** Events since the start that changed something, and those that came to nothing. */
  applied = 0;
  rejected = 0;
  /** Records since the start that counted for nothing. */
  ignored = 0;

  /** A shard has opened its state. */
  opened(shard: number, { memoryBytes }: Pick<ShardStats, 'memoryBytes'>): void {
    this.running.add(shard);
    for (const [partition, bytes] of memoryBytes) this.memory.set(partition, bytes);
  }

  /** Its thread is gone, and with it what it had in memory. */
  ended(shard: number, partitions: readonly number[]): void {
    this.running.delete(shard);
    for (const partition of partitions) this.memory.delete(partition);
  }

  /** A partition has committed its part of a cut. */
  folded({ partition, applied, rejected, ignored, memoryBytes }: FoldReport): void {
    this.applied += applied;
    this.rejected += rejected;
    for (const [, records] of ignored) this.ignored += records;
    this.memory.set(partition, memoryBytes);
  }

  /** Shards whose threads run and have opened their state. */
  get runningCount(): number {
    return this.running.size;
  }

  /** Bodies of bins in memory, of all partitions together. */
  get memoryBytes(): number {
    return [...this.memory.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}
