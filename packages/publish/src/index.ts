/** The publication store: what is signed centrally, as files under fixed names. */

export { lockedFolder, openFiles } from './files.ts';
export type { FilesOptions } from './files.ts';
export type { FileSystem } from './folder.ts';
export { memoryFiles, openMemory } from './memory.ts';
export type { Fault, FaultPlan, MemoryFiles, MemoryStore, Operation } from './memory.ts';
export type { PublicationStore } from './store.ts';
