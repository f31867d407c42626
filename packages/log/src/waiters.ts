/** Long polls of one partition: they sleep here until it grows, they are aborted or all is over. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `wake`, or when the signal aborts; which of them, the caller looks up. */
  async wait(signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    this.#waiting.add(stop);
    signal?.addEventListener('abort', stop);
    try {
      await promise;
    } finally {
      this.#waiting.delete(stop);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** In the order in which they came, so that a simulation repeats itself. */
  wake(): void {
    for (const stop of this.#waiting) stop();
  }
}
