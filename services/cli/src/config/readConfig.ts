/** The configuration of `tidemark serve` from where it stands: a file, the environment, flags. */
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatingFault, parseJson, RejectedInput, type Json } from '@tidemark/canonical';
import {
  resolveSettings,
  settingsOf,
  type Flaw,
  type Given,
  type SettingSources,
} from '@tidemark/runtime';
import { readCertificate } from '../http/tls.ts';
import { SERVE_SETTINGS, type ServeConfig } from './serveSettings.ts';

export interface ConfigSources {
  readonly file?: string | undefined;
  readonly environment: SettingSources['environment'];
  /** By the setting's name, as they were written. */
  readonly flags: SettingSources['flags'];
}

const FILE_BYTES_MAX = 1 << 20;

/**
 * Reads and checks everything; opens nothing but files to be read.
 * @throws RejectedInput `config.invalid` with a line for each flaw, `option.invalid` where only flags are
 *   wrong; OperatingFault `config.file`
 */
export async function readServeConfig(sources: ConfigSources): Promise<ServeConfig> {
  const { environment, flags, file: path } = sources;
  const file = path === undefined ? undefined : { path, json: await jsonIn(path) };
  const resolved = resolveServe({ flags, environment, file });
  const flaws = [
    ...resolved.flaws,
    ...(await unreadable(resolved.given)),
    ...(await certificateFlaws(resolved.given)),
    ...partFlaws(resolved),
  ];
  if (resolved.values !== undefined && flaws.length === 0) return resolved.values;
  const ofFlags = flaws.every(({ source }) => source.startsWith('--'));
  const lines = flaws.map(({ source, message }) => `${source}: ${message}`);
  throw new RejectedInput(
    ofFlags ? 'option.invalid' : 'config.invalid',
    lines.length === 1 ? lines[0]! : `${lines.length} flaws:\n  ${lines.join('\n  ')}\n`,
  );
}

function resolveServe(sources: SettingSources) {
  return resolveSettings(SERVE_SETTINGS, sources);
}

async function jsonIn(path: string): Promise<Json> {
  try {
    return parseJson(await bytesIn(path), { bytesMax: FILE_BYTES_MAX });
  } catch (cause) {
    if (cause instanceof RejectedInput) {
      throw new RejectedInput('config.invalid', `${path}: ${cause.message} (${cause.code})`);
    }
    throw new OperatingFault('config.file', `cannot read ${path} (${codeOf(cause)})`, { cause });
  }
}

/** Not more than one byte beyond what a configuration can be, whatever the path names. */
async function bytesIn(path: string): Promise<Uint8Array> {
  await using handle = await open(path);
  const buffer = new Uint8Array(FILE_BYTES_MAX + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

/** Files that are named and cannot be read, or not made. */
async function unreadable(given: ReadonlyMap<string, Given>): Promise<Flaw[]> {
  const flaws: Flaw[] = [];
  for (const { name, kind } of settingsOf(SERVE_SETTINGS)) {
    const found = given.get(name);
    if (kind.needs === undefined || typeof found?.value !== 'string') continue;
    const { value, source } = found;
    const failure =
      kind.needs === 'file'
        ? await access(value, constants.R_OK).then(() => undefined, codeOf)
        : await access(dirname(value), constants.W_OK).then(() => undefined, codeOf);
    if (failure === undefined) continue;
    const done = kind.needs === 'file' ? 'read' : 'made';
    flaws.push({ source, message: `${name} names ${value}, which cannot be ${done} (${failure})` });
  }
  return flaws;
}

/** A certificate without a key, or with that of another. */
async function certificateFlaws(given: ReadonlyMap<string, Given>): Promise<Flaw[]> {
  const [cert, key] = [given.get('tls.cert'), given.get('tls.key')];
  if (cert === undefined && key === undefined) return [];
  if (cert === undefined || key === undefined) {
    const message = cert === undefined ? 'tls.key needs tls.cert' : 'tls.cert needs tls.key';
    return [{ source: (cert ?? key)!.source, message }];
  }
  // What is no path is told already.
  if (typeof cert.value !== 'string' || typeof key.value !== 'string') return [];
  try {
    await readCertificate({ cert: cert.value, key: key.value, min_version: 'TLSv1.2' });
    return [];
  } catch (error) {
    if (!(error instanceof OperatingFault)) throw error;
    // What cannot be read is told already.
    return error.code === 'file.read' || isAbsent(error.cause)
      ? []
      : [{ source: key.source, message: `${error.message} (${error.code})` }];
  }
}

/** A part that may be more than the whole. */
function partFlaws({ given, values }: ReturnType<typeof resolveServe>): Flaw[] {
  if (values === undefined) return [];
  const { http, uploads } = values;
  return [
    ['http.headers_time', http.headers_time, 'http.request_time', http.request_time] as const,
    ['uploads.body_size', uploads.body_size, 'uploads.memory', uploads.memory] as const,
  ].flatMap(([part, partMax, whole, wholeMax]) => {
    const found = given.get(part) ?? given.get(whole);
    if (partMax <= wholeMax || found === undefined) return [];
    return [{ source: found.source, message: `${part} is more than ${whole}` }];
  });
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
