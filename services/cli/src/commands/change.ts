/** `tidemark add | remove | yank`: single targets from the command line. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { recordText, RejectedInput, type JsonObject } from '@tidemark/canonical';
import { parseEvent, type EventType } from '@tidemark/event';
import { askJson, type Access } from '../access.ts';
import type { LedgerFolder } from '../ledgerFolder.ts';

export interface ChangeOptions {
  readonly file?: string | undefined;
  readonly length?: string | undefined;
  readonly sha256?: string | undefined;
  readonly wait?: string | undefined;
}

export interface ChangeResult {
  readonly path: string;
  readonly state: string;
  readonly code?: string;
  readonly snapshot?: number;
  readonly receipt?: JsonObject;
}

/** Sends one event a path. @throws RejectedInput `option.*`, `event.*`, `path.*` before anything is sent */
export async function changeTargets(
  access: Access,
  type: EventType,
  paths: readonly string[],
  options: ChangeOptions,
): Promise<ChangeResult[]> {
  const content = type === 'target.added' ? await contentOf(access.folder, options) : {};
  const events = paths.map((path) => parseEvent({ id: randomUUID(), type, path, ...content }));
  const body = events.map((event) => recordText(event as unknown as JsonObject)).join('\n');
  const wait = options.wait ?? (access.isRunning ? 'durable' : 'published');
  const answer = await askJson(access, 'POST', `/v1/events?wait=${wait}`, body);
  const accepted = answer['accepted'] as readonly (JsonObject & { index: number })[];
  return accepted.map(({ index, receipt, fate }) => ({
    path: paths[index]!,
    ...(fate as { state: string; code?: string; snapshot?: number }),
    receipt: receipt as JsonObject,
  }));
}

/** Length and hash from `--file`, whose bytes are kept, or as stated. */
async function contentOf(
  folder: LedgerFolder,
  { file, length, sha256 }: ChangeOptions,
): Promise<{ length: number; hashes: { sha256: string } }> {
  if (file !== undefined) {
    const kept = await keepObject(folder, file);
    return { length: kept.length, hashes: { sha256: kept.sha256 } };
  }
  if (length === undefined || sha256 === undefined || !/^\d{1,16}$/.test(length)) {
    throw new RejectedInput('option.content', 'add needs --file F, or --length N and --sha256 H');
  }
  return { length: Number(length), hashes: { sha256 } };
}

/** Keeps a file's bytes by their hash: durable before the event that names them. */
async function keepObject(
  folder: LedgerFolder,
  file: string,
): Promise<{ length: number; sha256: string }> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  const sha256 = hash.digest('hex');
  const target = join(folder.objects, sha256.slice(0, 2), sha256);
  await mkdir(dirname(target), { recursive: true });
  const part = `${target}.${process.pid}.part`;
  await copyFile(file, part);
  const handle = await open(part, 'r+');
  await handle.sync();
  await handle.close();
  await rename(part, target);
  return { length: (await stat(target)).size, sha256 };
}
