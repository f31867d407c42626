// One flipped bit in a file of LevelDB: never served, never signed over, and below the last cut either
// without effect on any byte or refused by saying what is damaged and where. Deleting the state heals.
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { contentOf, makeHistory, type History } from './history.ts';
import { askAll, differences, everythingServed, type Served } from './served.ts';
import { seededRandom } from '../support/random.ts';
import { copyLedger, makePassphraseFile, Server } from './support.ts';

/** Flips a file; whichever of several files of a kind is meant is drawn as well. */
const KINDS = [
  { folder: 'log', ending: '.ldb', flips: 4 },
  { folder: 'log', ending: '.log', flips: 4 },
  { folder: 'log', ending: 'MANIFEST', flips: 2 },
  { folder: 'log', ending: 'CURRENT', flips: 1 },
  { folder: 'state/p', ending: '.ldb', flips: 4 },
  { folder: 'state/p', ending: '.log', flips: 4 },
  { folder: 'state/p', ending: 'MANIFEST', flips: 1 },
  { folder: 'state/p', ending: 'CURRENT', flips: 1 },
  { folder: 'state/publisher', ending: '.ldb', flips: 3 },
  { folder: 'state/publisher', ending: '.log', flips: 3 },
  { folder: 'state/publisher', ending: 'MANIFEST', flips: 1 },
  { folder: 'state/publisher', ending: 'CURRENT', flips: 1 },
] as const;

/** More of each kind, for a longer run. */
const FACTOR = Number(process.env['TIDEMARK_FLIPS'] ?? 1);
const EXITED_WITHIN_MS = 5_000;
const HALTED_WITHIN_MS = 20_000;
/** A refusal, as the process says it last or as a request is answered: a code, and where. */
const REFUSAL = {
  log: /((events|control|leaves)\/\d+ (offset \d+|ends at \d+)|\/log: |the control log ends).*\(log\.[a-z_]+\)/,
  state:
    /(partition \d|\/state\/p\d|publisher|bin \d+ version \d+|entry \d+).*(\(state\.[a-z_]+\)|"status":500)/,
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let passphraseFile: string;
let history: History;
let honest: Expected;
const { random } = seededRandom('flips');
const outcomes = new Map<string, number>();

beforeAll(async () => {
  folder = await temporaryFolder();
  passphraseFile = await makePassphraseFile(folder.path);
  history = await makeHistory(folder.path, { passphraseFile });
  const copy = join(folder.path, 'honest');
  await copyLedger(history.ledger, copy);
  await using server = await new Server(copy, { passphraseFile }).ready();
  const newest = Number((await server.status())['snapshot']);
  const { paths, receipts } = history;
  const some = receipts.filter((_, i) => i % 5 === 0);
  const files = await everythingServed(server, { paths, receipts: some, every: 5 });
  honest = { newest, files };
  expect([...files].filter(([, answer]) => answer.length !== 64)).toEqual([]);
});

afterAll(async () => {
  process.stderr.write(`flips: ${[...outcomes].map((each) => each.join(' ')).join(', ')}\n`);
  await folder[Symbol.asyncDispose]();
});

describe.each(KINDS)('$folder…$ending', ({ folder: part, ending, flips }) => {
  for (let i = 0; i < flips * FACTOR; i++) {
    test(`flip ${i + 1}`, async () => {
      await using place = await temporaryFolder();
      const copy = join(place.path, 'ledger');
      await copyLedger(history.ledger, copy);
      const where = await flip(copy, await filesOf(copy, part, ending));
      await judge(copy, where, part === 'log' ? 'log' : 'state');
    });
  }
});

test('a bit of a record that nobody asks for, as it was folded long ago: said, and where', async () => {
  await using place = await temporaryFolder();
  const copy = join(place.path, 'ledger');
  await copyLedger(history.ledger, copy);
  await flipHash(copy, contentOf(history.paths[0]!).hashes.sha256);
  expect(await saidAtTheEnd(copy)).toMatch(/events\/\d+ offset \d+ .*\(log\.(corrupt|gap)\)/);
});

/**
 * Flips a bit in what the log has of a hash: of a part of it, for LevelDB's compression leaves out what came before.
 */
async function flipHash(ledger: string, sha256: string): Promise<void> {
  const files = [
    ...(await filesOf(ledger, 'log', '.ldb')),
    ...(await filesOf(ledger, 'log', '.log')),
  ];
  for (const name of files) {
    const bytes = await readFile(join(ledger, name));
    const parts = Array.from({ length: 53 }, (_, i) => sha256.slice(i, i + 12));
    const at = parts.map((part) => bytes.indexOf(part)).find((place) => place >= 0);
    if (at === undefined) continue;
    bytes[at + 6]! ^= 1;
    await writeFile(join(ledger, name), bytes);
    return;
  }
  throw new Error(`the log has no ${sha256}`);
}

/** Serves until the server ends by itself. @returns what it said */
async function saidAtTheEnd(ledger: string): Promise<string> {
  await using server = new Server(ledger, { passphraseFile });
  const late = delay(HALTED_WITHIN_MS, 'still runs', { ref: false });
  expect(await Promise.race([server.exited, late])).toBe(1);
  return server.said;
}

/** What a ledger must serve. */
interface Expected {
  readonly newest: number;
  readonly files: Served;
}

describe('a log that lost its end', () => {
  test.each([[[]], [['state']], [['metadata', 'state/publisher']]])(
    'without %s',
    async (without) => {
      await using place = await temporaryFolder();
      const copy = join(place.path, 'ledger');
      await copyLedger(history.ledger, copy, ['log', ...without]);
      await cp(history.olderLog, join(copy, 'log'), { recursive: true });
      await using server = new Server(copy, { passphraseFile });
      const late = delay(HALTED_WITHIN_MS, 'still runs', { ref: false });
      expect(await Promise.race([server.exited, late])).toBe(1);
      expect(server.said).toMatch(/ends? (at|with).*\(log\.truncated\)/);
    },
  );
});

async function judge(ledger: string, where: string, part: 'log' | 'state'): Promise<void> {
  const first = await start(ledger, where, part, honest, true);
  count(`${where.replace(/\d+|:.*/g, '')} ${first === undefined ? 'refused' : 'served'}`);
  // What was signed over damage, if anything was, is not what the logs give: rebuilding shards halt.
  await rm(join(ledger, 'state'), { recursive: true });
  const second = await start(ledger, `${where}, state deleted`, part, first ?? honest, false);
  count(`rebuilt ${second === undefined ? 'refused' : 'served'}`);
  if (part === 'state') expect(second, `after ${where}`).toBeDefined();
}

/**
 * Starts a ledger and compares all it serves; then, if asked to, has every bin signed once more.
 * @returns what is served in the end; undefined where it refused, at once or when asked
 */
async function start(
  ledger: string,
  where: string,
  part: 'log' | 'state',
  expected: Expected,
  isToSign: boolean,
): Promise<Expected | undefined> {
  await using server = new Server(ledger, { passphraseFile });
  return await orRefused(server, where, part, async () => {
    const { newest, files } = expected;
    await server.ready(newest);
    const changed = differences(files, await askAll(server, [...files.keys()]));
    const wrong = changed.filter((line) => !REFUSAL[part].test(line));
    expect(wrong, `after ${where}`).toEqual([]);
    expect((await server.status())['snapshot'], `after ${where}`).toBe(newest);
    if (changed.length > 0) return undefined;
    // What nobody asks for is read as well, before long: damage to a row is told, whichever it is.
    await server.scrubbed();
    return isToSign ? await sign(server, where) : expected;
  });
}

async function sign(server: Server, where: string): Promise<Expected> {
  const events = Array.from({ length: 200 }, (_, i) => {
    const path = `new/${i}-${random()}.deb`;
    return { id: `after-${i}`, type: 'target.added', path, ...contentOf(path) };
  });
  const { status, body } = await server.post(events, 'published');
  expect(status, `after ${where}: ${body.toString()}`).toBe(202);
  const newest = Number((await server.status())['snapshot']);
  const files = await everythingServed(server, { every: 1000 });
  expect(await server.stop(), `after ${where}`).toBe(0);
  return { newest, files };
}

async function orRefused<T>(
  server: Server,
  where: string,
  part: 'log' | 'state',
  act: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    const late = delay(EXITED_WITHIN_MS, undefined, { ref: false });
    await Promise.race([server.exited, late]);
    if (!server.hasExited) throw new Error(`${where}: ${String(error)}`, { cause: error });
    expect(await server.exited, `after ${where}`).toBe(1);
    expect(server.said, `after ${where}`).toMatch(REFUSAL[part]);
    return undefined;
  }
}

async function filesOf(ledger: string, part: string, ending: string): Promise<string[]> {
  const parts = part === 'state/p' ? [0, 1, 2, 3].map((p) => `state/p${p}`) : [part];
  const found: string[] = [];
  for (const each of parts) {
    for (const name of await readdir(join(ledger, each))) {
      const matches = ending.startsWith('.') ? name.endsWith(ending) : name.startsWith(ending);
      if (matches) found.push(join(each, name));
    }
  }
  expect(found).not.toEqual([]);
  return found;
}

/** @returns where, for the message of a failed test */
async function flip(ledger: string, files: readonly string[]): Promise<string> {
  const name = files[Math.floor(random() * files.length)]!;
  const bytes = await readFile(join(ledger, name));
  const at = Math.floor(random() * bytes.length);
  const bit = Math.floor(random() * 8);
  bytes[at]! ^= 1 << bit;
  await writeFile(join(ledger, name), bytes);
  return `${name}:${at}:${bit}`;
}

function count(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}
