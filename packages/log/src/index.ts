/** The ledger's logs: the port, and adapters in memory, over LevelDB and through a MessagePort. */

export type { CommitReport } from './commitReport.ts';
export { openLevelLogs } from './level.ts';
export type { LevelLogsOptions } from './level.ts';
export { MemoryDisk, memoryLogs } from './memory.ts';
export type { MemoryLogs, MemoryOptions, Operation } from './memory.ts';
export { appendBytesMax } from './port.ts';
export type { Chunk, Log, Logs, Topic } from './port.ts';
export { connectLogs, serveLogs } from './proxy.ts';
export { appendSurely } from './surely.ts';
export type { Sleep } from './surely.ts';
export { demandNoTruncation } from './truncation.ts';
