/** python-tuf publishing one batch, at equal durability, in the same run. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { providePythonTuf } from '../support/provision.ts';

const SCRIPT = fileURLToPath(new URL('./peer.py', import.meta.url));
const BITS = 14;
/** The peer keeps every target as an object: more of them would only measure Python's memory. */
const TARGETS_MAX = 100_000;

/** Uploads a second of one batch; undefined where python-tuf cannot be had. */
export async function peerBatch(
  targets: number,
  batch: number,
): Promise<{ rate: number; setup: string } | undefined> {
  const python = await providePythonTuf().catch((error: unknown) => {
    console.error(`no python-tuf here: ${String(error)}`);
    return undefined;
  });
  if (python === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-peer-'));
  const start = Math.min(targets, TARGETS_MAX);
  const args = [SCRIPT, folder, String(BITS), String(start), String(batch)];
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 1 << 20 });
  await rm(folder, { recursive: true, force: true });
  const { seconds } = JSON.parse(stdout) as { seconds: number };
  return {
    rate: batch / seconds,
    setup: `2^${BITS} bins, ${start} targets, one batch of ${batch}`,
  };
}
