// schemathesis makes requests out of the OpenAPI document, right ones and wrong ones, and finds no answer that the
// document does not have: the whole document, then the stream of changes for itself.
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askSchemathesis } from '../clients/schemathesis.ts';
import { requireComponent } from '../support/component.ts';
import { temporaryFolder } from '../support/files.ts';
import { provideSchemathesis } from '../support/provision.ts';
import { ask, jsonOf } from './ask.ts';
import { initLedger, tidemark, type Ledger, type Serving } from './tidemark.ts';

const HASH = 'a'.repeat(64);
/** What the server may hold more when it has answered all of it: what it keeps has bounds, and they are below this. */
const GROWN_BYTES_MAX = 256 << 20;
/** So many streams may be open at once. */
const LISTENERS_MAX = 64;
const CHANGE_EVERY_MS = 100;

const seed = Number(process.env['TIDEMARK_SEED'] ?? randomInt(2 ** 31));
process.stderr.write(`schemathesis: TIDEMARK_SEED=${seed}\n`);

/**
 * Every check but three is on:
 * - use_after_free, ensure_resource_availability: no operation here makes or deletes what another one names, as they
 *   ask for; what is added is there once a snapshot shows it, and a receipt says which.
 * - object_level_authorization: it needs two users who must not see each other's objects; whatever is read is public.
 */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'positive_data_acceptance',
  'missing_required_header',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
].join(',');

/** A cursor is valid where this ledger gave it out: no pattern says that, so others may be refused. */
const CURSORS_MAY_BE_REFUSED = `
[[operations]]
include-path-regex = "/changes$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 404, 429]
`;

/** Chains of requests along the links: each of them is a test by itself. */
const STATEFUL = `
[phases.stateful]
max-steps = 4
generation.max-examples = 12
`;

await requireComponent('schemathesis', provideSchemathesis, 'what is documented', (python) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ledger: Ledger;
  let server: Serving;
  let token: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
    const flags = ['--subject', 'everything', '--upload', '--admin'];
    const { stdout } = await tidemark(['tokens', 'create', ledger.folder, ...flags]);
    token = /tdm_\w+-?[\w-]*/.exec(stdout)![0];
    server = await ledger.serve('--cut-interval', '50ms');
    const kept = join(folder.path, 'kept');
    await writeFile(kept, 'what is kept');
    await ledger.json('add', 'demo/kept', '--file', kept, '--wait', 'published');
    await ledger.json(
      'add',
      'demo/stated',
      '--length',
      '7',
      '--sha256',
      HASH,
      '--wait',
      'published',
    );
    await ledger.json('yank', 'demo/stated', '--wait', 'published');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const json = async (path: string): Promise<Record<string, unknown>> =>
    jsonOf(await ask(server.url, path));
  const residentBytes = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    const { body } = await ask(server.url, '/metrics', { headers });
    return Number(/^process_resident_memory_bytes (\d+)/m.exec(body.toString())![1]);
  };
  const publish = async (path: string): Promise<number> => {
    const stated = ['--length', '7', '--sha256', HASH, '--wait', 'published'];
    await ledger.json('add', path, ...stated);
    return Number((await json('/v1/snapshots/newest'))['snapshot']);
  };

  /** Names that there are: what is made up finds nothing behind the first 404. */
  async function names(): Promise<string> {
    const timestamp = (await json('/metadata/timestamp.json'))['signed'] as { merkle_root: string };
    const { target } = (await json('/v1/targets/demo/kept')) as {
      target: { hashes: { sha256: string } };
    };
    const { sha256 } = target.hashes;
    const page = (await ask(server.url, '/', { headers: { accept: 'text/html' } })).body.toString();
    const file = /\/page\/([\w.-]+)/.exec(page)![1]!;
    const { cursor } = await json('/v1/changes?limit=1');
    return [
      named('/v1/changes', 'query.after', [cursor]),
      named('/v1/snapshots/{n}/changes', 'query.after', [cursor]),
      named('/v1/snapshots/{n}/changes', 'path.n', [2]),
      named('/targets/{path}', 'path.path', [`${sha256}.kept`]),
      named('/targets/{path}', 'header.range', ['bytes=0-3', 'bytes=-2', 'bytes=99-']),
      named('/merkle/{root}/{file}', 'path.root', [timestamp.merkle_root]),
      named('/merkle/{root}/{file}', 'path.file', ['snapshot.json', 'bin-00.json', 'none.json']),
      named('/merkle/{root}/proofs', 'path.root', [timestamp.merkle_root]),
      named('/page/{file}', 'path.file', [file]),
      named('/metadata/{name}', 'path.name', ['timestamp.json', '1.bin-00.json', '9.root.json']),
    ].join('');
  }

  test('by all of its answers', async () => {
    const { paths } = (await json('/openapi.json')) as { paths: Record<string, object> };
    const operations = Object.values(paths).flatMap((item) => Object.keys(item)).length;
    const before = { snapshot: await publish('before'), bytes: await residentBytes() };
    const { code, output } = await askSchemathesis(python, {
      url: server.url,
      document: (await ask(server.url, '/openapi.json')).body,
      token,
      seed,
      config: STATEFUL + (await names()) + CURSORS_MAY_BE_REFUSED,
      args: ['--checks', CHECKS, '--max-examples', '15'],
    });
    expect([code, code === 0 ? '' : output], `TIDEMARK_SEED=${seed}`).toEqual([0, '']);
    expect(output).toContain(`Tested: ${operations}\n`);
    // Links lead from uploads to receipts, from snapshots and pages to what they name.
    expect(output).toMatch(/API Links: +[1-9]\d* covered/);
    expect(await publish('after')).toBeGreaterThan(before.snapshot);
    expect((await residentBytes()) - before.bytes).toBeLessThan(GROWN_BYTES_MAX);
  });

  test('by its stream of changes', async () => {
    // Whoever listens from the newest change on gets one soon.
    await using _ = changesMeanwhile(server.url, token);
    const { code, output } = await askSchemathesis(python, {
      url: server.url,
      document: (await ask(server.url, '/openapi.json')).body,
      token,
      seed,
      // One message, and the client goes: a stream has no end of its own.
      config: `max-stream-events = 1\n${CURSORS_MAY_BE_REFUSED}`,
      args: ['--include-path', '/v1/changes', '--header', 'Accept: text/event-stream'].concat(
        ['--phases', 'fuzzing', '--max-examples', '40'],
        ['--checks', CHECKS],
      ),
    });
    expect([code, code === 0 ? '' : output], `TIDEMARK_SEED=${seed}`).toEqual([0, '']);
    // Each has ended with its client: there is room for as many as ever.
    const headers = { accept: 'text/event-stream' };
    const address = new URL('/v1/changes', server.url);
    const opening = Array.from({ length: LISTENERS_MAX }, () => fetch(address, { headers }));
    const streams = await Promise.all(opening);
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(streams.map(({ body }) => body!.cancel()));
  });
});

/** Uploads an event now and then until it is told to stop. */
function changesMeanwhile(url: string, token: string): AsyncDisposable {
  const stopping = new AbortController();
  const upload = async (): Promise<void> => {
    for (let n = 0; !stopping.signal.aborted; n++) {
      const event = { id: `${n}`, type: 'target.added', path: `stream/${n}`, length: 7 };
      const body = JSON.stringify({ ...event, hashes: { sha256: HASH } });
      const headers = { authorization: `Bearer ${token}` };
      const { status } = await fetch(new URL('/v1/events', url), { method: 'POST', headers, body });
      expect(status).toBe(202);
      await sleep(CHANGE_EVERY_MS);
    }
  };
  const uploading = upload();
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await uploading;
    },
  };
}

/** Has every second value of a parameter taken from some. */
function named(path: string, parameter: string, values: readonly unknown[]): string {
  const dictionary = `${path} ${parameter}`.replaceAll(/\W+/g, '_');
  return `
[dictionaries.${dictionary}]
values = ${JSON.stringify(values)}
[[operations]]
include-path = ${JSON.stringify(path)}
parameters = { ${JSON.stringify(parameter)} = { dictionary = "${dictionary}", probability = 0.5 } }
`;
}
