/**
 * Logs: a line of JSON for each thing that happened, to standard error, to a file, or to both. Whoever
 * writes names each field that goes in; nothing is logged as a whole that could hold a secret.
 */
import { closeSync, openSync } from 'node:fs';
import { OperatingFault } from '@tidemark/canonical';
import { destination, multistream, pino, stdTimeFunctions } from 'pino';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Whether standard error gets the lines. */
  readonly toStderr: boolean;
  readonly file: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** Opens the file anew, under its name: it may have been moved away. */
  reopen(): void;
  /** Writes what waits to be written. */
  flush(): Promise<void>;
}

const STDERR = 2;
/** Paths and subjects are nobody else's business. */
const MODE = 0o600;
/** Lines in memory that wait to be written; where nobody takes them, more are dropped. */
const WAITING_BYTES_MAX = 4 << 20;

/** @throws OperatingFault `log.file` where the file cannot be opened */
export function openLogger({ level, toStderr, file }: LoggerOptions): Logger {
  if (file !== undefined) demandWritable(file);
  const toFile = file === undefined ? undefined : streamTo(file);
  const terminal = toStderr ? streamTo(STDERR) : undefined;
  const streams = [terminal, toFile].filter((stream) => stream !== undefined);
  const opening = toFile && openingOf(toFile);
  const lines = pino(
    {
      level: streams.length === 0 ? 'silent' : level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    multistream(streams.map((stream) => ({ stream, level: 'trace' as const }))),
  );
  return {
    debug: (message, fields = {}) => lines.debug(fields, message),
    info: (message, fields = {}) => lines.info(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    error: (message, fields = {}) => lines.error(fields, message),
    reopen: () => {
      toFile?.reopen();
    },
    flush: async () => {
      terminal?.flushSync();
      if ((await opening) === true) toFile?.flushSync();
    },
  };
}

function streamTo(dest: number | string) {
  const stream = destination({ dest, sync: false, maxLength: WAITING_BYTES_MAX, mode: MODE });
  // A disk that is full must not stop the ledger: the lines wait, up to the bound, for the next write.
  stream.on('error', () => undefined);
  return stream;
}

/** Whether a file could be opened, once that is known. */
function openingOf(stream: ReturnType<typeof streamTo>): Promise<boolean> {
  return new Promise((resolve) => {
    stream.once('ready', () => resolve(true)).once('error', () => resolve(false));
  });
}

function demandWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a', MODE));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new OperatingFault('log.file', `cannot write to ${path} (${code})`, { cause });
  }
}
