/** `tidemark add | remove | yank`: single targets from the command line. */
import { randomUUID } from 'node:crypto';
import { RejectedInput, type JsonObject } from '@tidemark/canonical';
import { parseEvent, type EventType } from '@tidemark/event';
import { checkTargetPath } from '@tidemark/tuf';
import type { Access } from '../access/access.ts';
import { untilInSnapshotJson } from '../access/ask.ts';
import type { TargetFiles } from '../access/targetFiles.ts';
import { sendEvents } from './send.ts';

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
    type === 'target.added' ? await contentOf(access.files, options) : yankOf(type, options);
  const events = paths.map((path) => parseEvent({ id: randomUUID(), type, path, ...content }));
  const wait = options.wait ?? (access.isRunning ? 'durable' : 'published');
  // Their ids are new: whatever became of them is theirs.
  const outcomes = await sendEvents(access, events, wait, -1);
  const results = outcomes.map((outcome, i) => {
    const path = paths[i]!;
    if (!('fate' in outcome)) return { path, state: 'rejected', code: outcome.code };
    return { path, ...outcome.fate, receipt: outcome.receipt };
  });
  if (wait === 'published') {
    const snapshots = results.map((result) => ('snapshot' in result ? result.snapshot : 0));
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

/** Length and hash from `--file`, whose bytes are kept where that can be, or as stated. */
async function contentOf(files: TargetFiles, options: ChangeOptions): Promise<Content> {
  if (options.file === undefined) return contentStated(options);
  const { length, sha256 } = await files.take(options.file);
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
