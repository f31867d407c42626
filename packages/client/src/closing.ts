/** An end that every store has: what was begun is finished, what comes later is refused, a second end is none. */
import { OperatingFault } from '@tidemark/canonical';
import type { TrustStore } from './ports.ts';

/** Gives a store that end; its own `close` is called once, when nothing is under way any more. */
export function closing(store: TrustStore): TrustStore {
  const running = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;
  const run = async <T>(act: () => Promise<T>): Promise<T> => {
    // Whoever writes on would write into what somebody else has open by now.
    if (closed !== undefined) throw new OperatingFault('client.store', 'the store is closed');
    const operation = act();
    running.add(operation);
    try {
      return await operation;
    } finally {
      running.delete(operation);
    }
  };
  return {
    read: (role) => run(() => store.read(role)),
    write: (role, bytes) => run(() => store.write(role, bytes)),
    close: () => (closed ??= Promise.allSettled(running).then(() => store.close())),
  };
}
