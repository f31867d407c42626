/** Reads over HTTP: answers a second as the client counts them, and for each second of a core that the server uses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { get, metric, type Client } from './client.ts';
import type { Results } from './results.ts';

/** Answers for each core of the server. */
const READS_GOAL = 10_000;
/** Bins that are read in turn where none is asked for twice. */
const MANY = 20_000;

interface Rate {
  /** Answers a second, the client on the same cores. */
  readonly answers: number;
  /** Answers for a second of a core. */
  readonly perCore: number;
}

/** A bin and a TAP 16 file, asked for again and again, beside the bare server; and bins that nobody asked for before. */
export async function benchReads(
  results: Results,
  client: Client,
  seconds: number,
  setup: string,
): Promise<void> {
  const newest = await get(client, '/v1/snapshots/newest');
  const snapshot = JSON.parse(newest.body.toString()) as { merkle_root: string };
  const bins = await binsOf(client);
  const tap16 = `/merkle/${snapshot.merkle_root}/${bins[0]!.role}.json`;
  for (const [what, path] of [
    ['a bin', fileOf(bins[0]!)],
    ['a TAP 16 file', tap16],
  ] as const) {
    const { length } = (await get(client, path)).body;
    const floor = await bareRate(client, length, seconds);
    const rate = await readRate(client, () => path, cpuOf(client), seconds);
    const named = `GET of ${what} of ${length} bytes`;
    results.add(named, rate.answers, 'answers/s', setup, { floor: floor.answers });
    const measure = { goal: READS_GOAL, floor: floor.perCore };
    results.add(`${named}, for each core`, rate.perCore, 'answers/s', setup, measure);
  }
  let next = 1;
  const any = (): string => fileOf(bins[next++ % bins.length]!);
  const { answers, perCore } = await readRate(client, any, cpuOf(client), seconds);
  results.add('GET of bins in turn', answers, 'answers/s', setup, {});
  results.add('GET of bins in turn, for each core', perCore, 'answers/s', setup, {});
}

interface Bin {
  readonly role: string;
  readonly version: number;
}

const fileOf = ({ role, version }: Bin): string => `/metadata/${version}.${role}.json`;

/** Newest versions of bins, as the ledger says them of paths. */
async function binsOf(client: Client): Promise<Bin[]> {
  const bins = new Map<string, Bin>();
  for (let i = 0; i < MANY; i++) {
    const { body } = await get(client, `/v1/targets/any/path-${i}`);
    const bin = JSON.parse(body.toString()) as Bin;
    bins.set(bin.role, bin);
  }
  return [...bins.values()];
}

function cpuOf(client: Client): () => Promise<number> {
  return () => metric(client, 'process_cpu_seconds_total');
}

async function readRate(
  client: Client,
  path: () => string,
  cpuSeconds: () => Promise<number>,
  seconds: number,
): Promise<Rate> {
  const used = await cpuSeconds();
  const start = performance.now();
  let answers = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1000) {
      const asked = path();
      const { status } = await get(client, asked);
      if (status !== 200) throw new Error(`${asked}: ${status}`);
      answers++;
    }
  };
  await Promise.all(Array.from({ length: client.agent.maxSockets }, connection));
  const rate = (answers * 1000) / (performance.now() - start);
  return { answers: rate, perCore: answers / ((await cpuSeconds()) - used) };
}

/** What a server can do that has nothing to do but to answer with so many bytes. */
async function bareRate(client: Client, bytes: number, seconds: number): Promise<Rate> {
  const script = join(import.meta.dirname, 'bareServer.ts');
  const server: ChildProcess = spawn(process.execPath, [script, String(bytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(server.stdout!, 'data')) as [Buffer];
    const bare = { ...client, url: `http://127.0.0.1:${port.toString().trim()}` };
    const cpu = async (): Promise<number> => Number((await get(bare, '/cpu')).body.toString());
    return await readRate(bare, () => '/', cpu, seconds);
  } finally {
    server.kill();
  }
}
