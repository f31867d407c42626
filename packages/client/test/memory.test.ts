/** Trust kept in memory. */
import { trustStoreContract } from '../src/contract.ts';
import { memoryStore } from '../src/index.ts';

trustStoreContract('memory', { open: async () => memoryStore() });
