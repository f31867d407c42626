/** What is trusted, for as long as the program runs: for pages that are read once, and for tests. */
import { closing } from './closing.ts';
import type { TrustStore } from './ports.ts';

export function memoryStore(): TrustStore {
  const kept = new Map<string, Uint8Array>();
  // Copies both ways, and not by `slice`: that of a Buffer is the same memory.
  const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
  return closing({
    read: async (role) => {
      const bytes = kept.get(role);
      return bytes && copy(bytes);
    },
    write: async (role, bytes) => void kept.set(role, copy(bytes)),
    close: async () => undefined,
  });
}
