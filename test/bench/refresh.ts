/**
 * What a client needs for a first ("cold") and a next ("warm") refresh with one download: bytes of bodies as they are
 * after decoding, requests, time without the program's start, and the resident set of its process at the most.
 * Between the two there was an upload into the same bin.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { binOfPathHash, pathHash } from '@tidemark/bin';
import { sha256HexNative } from '@tidemark/canonical/native';
import { askPythonTuf } from '../clients/python.ts';
import type { ClientReport, ClientRequest } from '../clients/report.ts';
import { providePythonTuf } from '../support/provision.ts';
import type { Ledger } from '../e2e/tidemark.ts';
import { load, makeLedger, untilAllVisible } from './ledger.ts';
import type { Results } from './results.ts';
import { prng, sequence } from './synthetic.ts';

const CHILD = fileURLToPath(new URL('./refreshChild.ts', import.meta.url));
const BULK_CUT_MS = 5_000;
const PATH = 'measured/measured-1.0.tar.gz';
/** Of every figure the median of so many clients. */
const CLIENTS = 5;
/** Bytes of a warm refresh by the map, beside the bin. */
const WARM_BYTES_GOAL = 4_500;
/** How many times as fast as python-tuf a cold refresh is to be. */
const COLD_GOAL = 5;

interface Report extends ClientReport {
  readonly residentMax: number;
  /** Bytes of neither the bin nor the target. */
  readonly beside?: number;
}

type Ask = (request: ClientRequest) => Promise<Report>;

/** Adds the figures of ledgers of so many targets to the results. */
export async function benchClients(results: Results, targets: number, seed: number): Promise<void> {
  const python = await providePythonTuf().catch(() => undefined);
  for (const bits of [10, 14, 16]) {
    const clients = new Map<string, Ask>([
      ['Tidemark by the map', async (request) => inChild('demanded', request)],
      ['Tidemark by snapshot.json', async (request) => inChild('unused', request)],
    ]);
    if (python !== undefined) {
      clients.set('python-tuf', async (request) => (await askPythonTuf(python, request)) as Report);
    }
    // Its search takes time with the square of the roles.
    if (bits === 10) clients.set('tuf-js', async (request) => inChild('tuf-js', request));
    await benchAt(results, { bits, targets, seed }, clients);
  }
}

async function benchAt(
  results: Results,
  { bits, targets, seed }: { bits: number; targets: number; seed: number },
  clients: ReadonlyMap<string, Ask>,
): Promise<void> {
  await using made = await makeLedger(bits, BULK_CUT_MS);
  await load(made.engine, sequence(prng(seed)), targets);
  await untilAllVisible(made.engine);
  const ledger = await made.handOver();
  await using server = await ledger.serve('--cut-interval', '1s');
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-clients-'));
  try {
    const file = join(folder, 'file');
    await writeFile(file, 'measured'.repeat(128));
    await add(ledger, PATH, file);
    const setup = `2^${bits} bins, ${targets} targets`;
    const cold = new Map<string, Report[]>();
    const warm = new Map<string, Report[]>();
    for (const when of [cold, warm]) {
      if (when === warm) await add(ledger, sameBin(bits), file);
      for (let i = 0; i < CLIENTS; i++) {
        for (const [name, ask] of clients) {
          const request = {
            metadataUrl: `${server.url}metadata/`,
            targetUrl: `${server.url}targets/`,
            root: ledger.root,
            paths: [PATH],
            folder: join(folder, `${name} ${i}`),
          };
          const report = await ask(request);
          demandOk(name, report);
          when.set(name, [...(when.get(name) ?? []), report]);
        }
      }
    }
    for (const name of clients.keys()) {
      addReports(results, `cold, ${name}`, setup, cold.get(name)!);
      addReports(results, `warm, ${name}`, setup, warm.get(name)!);
    }
    addGoals(results, setup, cold, warm);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function addReports(results: Results, name: string, setup: string, reports: Report[]): void {
  const bytes = median(reports.map((report) => report.bytes));
  const requests = median(reports.map((report) => report.requests));
  results.add(`${name}: bytes`, bytes, 'B', setup, {});
  results.add(`${name}: requests`, requests, '', setup, {});
  results.add(`${name}: time`, medianMs(reports), 'ms', setup, {});
  const resident = median(reports.map((report) => report.residentMax)) / 2 ** 20;
  results.add(`${name}: resident set at the most`, resident, 'MiB', setup, {});
}

function addGoals(
  results: Results,
  setup: string,
  cold: ReadonlyMap<string, Report[]>,
  warm: ReadonlyMap<string, Report[]>,
): void {
  const byMap = 'Tidemark by the map';
  const beside = median(warm.get(byMap)!.map((report) => report.beside!));
  results.add(`warm, ${byMap}: beside the bin and the target`, beside, 'B', setup, {
    goalMax: WARM_BYTES_GOAL,
  });
  const peer = cold.get('python-tuf');
  if (peer === undefined) return;
  const faster = medianMs(peer) / medianMs(cold.get(byMap)!);
  results.add(`cold, ${byMap}: times as fast as python-tuf`, faster, '', setup, {
    goal: COLD_GOAL,
  });
}

function medianMs(reports: readonly Report[]): number {
  return median(reports.map((report) => report.seconds * 1000));
}

async function inChild(client: string, request: ClientRequest): Promise<Report> {
  const text = JSON.stringify({ ...request, root: Buffer.from(request.root).toString('base64') });
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, client, text]);
  return JSON.parse(stdout) as Report;
}

async function add(ledger: Ledger, path: string, file: string): Promise<void> {
  await ledger.json('add', path, '--file', file, '--wait', 'published');
}

/** Another path of the same bin. */
function sameBin(bits: number): string {
  const binOf = (path: string): number => binOfPathHash(pathHash(path, sha256HexNative), bits);
  for (let i = 0; ; i++) if (binOf(`measured/${i}`) === binOf(PATH)) return `measured/${i}`;
}

function demandOk(name: string, { refresh, targets }: Report): void {
  if (refresh.result === 'ok' && targets[PATH]?.result === 'ok') return;
  throw new Error(`${name}: ${JSON.stringify({ refresh, targets })}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
