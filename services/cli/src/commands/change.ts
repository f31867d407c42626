/** `tidemark add | remove | yank`: single targets from the command line. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { recordText, RejectedInput, type JsonObject } from '@tidemark/canonical';
import { parseEvent, type EventType } from '@tidemark/event';
import { checkTargetPath } from '@tidemark/tuf';
import { askJson, untilInSnapshotJson, type Access } from '../access.ts';
import { copyAs } from '../copies.ts';
import type { LedgerFolder } from '../ledgerFolder.ts';

export interface ChangeOptions {
  readonly file?: string | undefined;
  readonly length?: string | undefined;
  readonly sha256?: string | undefined;
  readonly wait?: string | undefined;
  /** Why a target is yanked; stands in its `custom` in place of `true`. */
  readonly reason?: string | undefined;
  /** Takes a yank back. */
  readonly undo?: boolean | undefined;
}

export interface ChangeResult {
  readonly path: string;
  readonly state: string;
  readonly code?: string;
  readonly snapshot?: number;
  readonly receipt?: JsonObject;
}

/** Refuses what cannot be right before anything is opened. @throws RejectedInput `path.*`, `option.content` */
export function checkChange(
  type: EventType,
  paths: readonly string[],
  options: ChangeOptions,
): void {
  for (const path of paths) checkTargetPath(path);
  if (type === 'target.added' && options.file === undefined) contentStated(options);
}

/** Sends one event a path. @throws RejectedInput `option.*`, `event.*`, `path.*` before anything is sent */
export async function changeTargets(
  access: Access,
  type: EventType,
  paths: readonly string[],
  options: ChangeOptions,
): Promise<ChangeResult[]> {
  const content =
    type === 'target.added' ? await contentOf(access.folder, options) : yankOf(type, options);
  const events = paths.map((path) => parseEvent({ id: randomUUID(), type, path, ...content }));
  const body = events.map((event) => recordText(event as unknown as JsonObject)).join('\n');
  const wait = options.wait ?? (access.isRunning ? 'durable' : 'published');
  const answer = await askJson(access, 'POST', `/v1/events?wait=${wait}`, body);
  const accepted = answer['accepted'] as readonly (JsonObject & { index: number })[];
  const refused = answer['refused'] as readonly (JsonObject & { index: number; code: string })[];
  const results = [
    ...accepted.map(({ index, receipt, fate }) => ({
      path: paths[index]!,
      ...(fate as { state: string; code?: string; snapshot?: number }),
      receipt: receipt as JsonObject,
    })),
    ...refused.map(({ index, code }) => ({ path: paths[index]!, state: 'rejected', code })),
  ];
  if (wait === 'published') {
    const snapshots = results.map((result) => ('snapshot' in result ? (result.snapshot ?? 0) : 0));
    await untilInSnapshotJson(access, Math.max(0, ...snapshots));
  }
  return results;
}

function yankOf(type: EventType, { reason, undo }: ChangeOptions): { custom?: JsonObject } {
  if (type !== 'target.yanked') return {};
  if (undo === true) return { custom: { yanked: false } };
  return reason === undefined ? {} : { custom: { yanked: reason } };
}

interface Content {
  readonly length: number;
  readonly hashes: { readonly sha256: string };
}

/** Length and hash from `--file`, whose bytes are kept, or as stated. */
async function contentOf(folder: LedgerFolder, options: ChangeOptions): Promise<Content> {
  if (options.file === undefined) return contentStated(options);
  const { length, sha256 } = await keepObject(folder, options.file);
  return { length, hashes: { sha256 } };
}

function contentStated({ length, sha256 }: ChangeOptions): Content {
  if (length !== undefined && sha256 !== undefined) {
    if (/^\d{1,15}$/.test(length) && /^[0-9a-f]{64}$/.test(sha256)) {
      return { length: Number(length), hashes: { sha256 } };
    }
  }
  throw new RejectedInput(
    'option.content',
    'add needs --file F, or --length N (bytes) and --sha256 H (64 lower-case hex digits)',
  );
}

/** Keeps a file's bytes by their hash: durable before the event that names them. */
async function keepObject(
  folder: LedgerFolder,
  file: string,
): Promise<{ length: number; sha256: string }> {
  const kept = await copyAs(file, folder.objects, async (copy) => {
    const sha256 = await hashOf(copy);
    return join(sha256.slice(0, 2), sha256);
  });
  return { length: (await stat(kept)).size, sha256: basename(kept) };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
