/**
 * The physical floor: what two threads can sign and hash when they do nothing else. Every figure of
 * ours is stated as a share of it, measured in the same run, because machines differ and drift.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createSigner, sha256HexNative } from '@tidemark/canonical/native';

const SECONDS = 2;

/** Files of so many bytes that two threads sign (Ed25519) and hash (SHA-256) in a second. */
export async function floorPerSecond(bytes: number): Promise<number> {
  const rates = await Promise.all([rateOfThread(bytes), rateOfThread(bytes)]);
  return rates[0] + rates[1];
}

async function rateOfThread(bytes: number): Promise<number> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: bytes });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.once('message', resolve);
  worker.once('error', reject);
  return promise;
}

if (!isMainThread) answer();

function answer(): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
  parentPort!.postMessage(measure(workerData as number));
}

function measure(bytes: number): number {
  const signer = createSigner(randomBytes(32));
  const file = randomBytes(bytes);
  for (let i = 0; i < 200; i++) signer.sign(file);
  const start = performance.now();
  let files = 0;
  while (performance.now() - start < SECONDS * 1000) {
    for (let i = 0; i < 50; i++, files++) {
      signer.sign(file);
      sha256HexNative(file);
    }
  }
  return (files * 1000) / (performance.now() - start);
}
