/** What is trusted, for as long as the program runs: for pages that are read once, and for tests. */
import type { TrustStore } from './ports.ts';

export function memoryStore(): TrustStore {
  const kept = new Map<string, Uint8Array>();
  return {
    read: async (role) => kept.get(role),
    write: async (role, bytes) => void kept.set(role, bytes.slice()),
    close: async () => undefined,
  };
}
