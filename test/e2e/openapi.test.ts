// What a running ledger answers is what its OpenAPI document says, by a JSON Schema validator of its own.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/files.ts';
import { ask, jsonOf } from './ask.ts';
import { initLedger, tidemark, type Serving } from './tidemark.ts';

interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Answer>>;
}
interface Receipt {
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

const HASH = 'a'.repeat(64);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Serving;
let document: Document;
const tokens = new Map<string, string>([['nobody', '']]);
/** Values for what requests below leave open. */
const values = new Map<string, string>();
const seen = new Set<string>();

beforeAll(async () => {
  folder = await temporaryFolder();
  const ledger = await initLedger(join(folder.path, 'index'), '--bins', '64');
  for (const flags of [
    ['--subject', 'admin', '--admin'],
    ['--subject', 'index', '--upload'],
    ['--subject', 'numpy', '--upload', 'numpy'],
  ]) {
    const { stdout } = await tidemark(['tokens', 'create', ledger.folder, ...flags]);
    tokens.set(flags[1]!, /tdm_\w+-?[\w-]*/.exec(stdout)![0]);
  }
  server = await ledger.serve('--cut-interval', '50ms');
  const stated = ['--length', '7', '--sha256', HASH];
  await ledger.json('add', 'demo/a', ...stated, '--wait', 'published');
  await ledger.json('yank', 'demo/a', '--wait', 'published');
  document = jsonOf(await ask(server.url, '/openapi.json')) as unknown as Document;
  const timestamp = jsonOf(await ask(server.url, '/metadata/timestamp.json'));
  values.set('ROOT', (timestamp['signed'] as { merkle_root: string }).merkle_root);
  const newest = jsonOf(await ask(server.url, '/v1/snapshots/newest'));
  values.set('N', String(newest['snapshot']));
  const uploaded = await fetchAs('index', '/v1/events', { method: 'POST', body: event('e/0') });
  const { accepted } = (await uploaded.json()) as { accepted: [{ receipt: Receipt }] };
  const { partition, offset, index } = accepted[0].receipt;
  values.set('PLACE', `${partition}/${offset}`).set('INDEX', String(index));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const event = (path: string): string =>
  JSON.stringify({
    id: randomUUID(),
    type: 'target.added',
    path,
    length: 1,
    hashes: { sha256: HASH },
  });

test.each<[string, string, number]>([
  ['/', '/', 200],
  ['/page/{file}', '/page/absent.js', 404],
  ['/healthz', '/healthz', 200],
  ['/readyz', '/readyz', 200],
  ['/metadata/{name}', '/metadata/timestamp.json', 200],
  ['/metadata/{name}', '/metadata/1.root.json', 200],
  ['/metadata/{name}', '/metadata/1.bin-00.json', 200],
  ['/metadata/{name}', '/metadata/2.root.json', 404],
  ['/merkle/{root}/{file}', '/merkle/ROOT/bin-00.json', 200],
  ['/merkle/{root}/{file}', '/merkle/x/bin-00.json', 404],
  ['/log/checkpoint', '/log/checkpoint', 200],
  ['/targets/{path}', '/targets/demo/a', 404],
  ['/v1/ledger', '/v1/ledger', 200],
  ['/v1/targets/{path}', '/v1/targets/demo/a', 200],
  ['/v1/targets/{path}', '/v1/targets/demo/absent?at=N', 200],
  ['/v1/targets/{path}', '/v1/targets/demo/a?at=x', 400],
  ['/v1/targets/{path}', '/v1/targets/demo/%00', 400],
  ['/v1/targets/{path}', '/v1/targets/demo/a?at=999999', 404],
  ['/v1/receipts/{partition}/{offset}/{index}', '/v1/receipts/PLACE/INDEX', 200],
  ['/v1/receipts/{partition}/{offset}/{index}', '/v1/receipts/PLACE/1', 404],
  ['/v1/receipts/{partition}/{offset}/{index}', '/v1/receipts/0/999999/0', 404],
  ['/v1/receipts/{partition}/{offset}/{index}', '/v1/receipts/x/0/0', 400],
  ['/v1/receipts/{partition}/{offset}/{index}', '/v1/receipts/99/0/0', 404],
  ['/v1/snapshots/newest', '/v1/snapshots/newest', 200],
  ['/v1/snapshots/{n}', '/v1/snapshots/N', 200],
  ['/v1/snapshots/{n}', '/v1/snapshots/x', 400],
  ['/v1/snapshots/{n}', '/v1/snapshots/999999', 404],
  ['/v1/snapshots/{n}/changes', '/v1/snapshots/N/changes', 200],
  ['/v1/snapshots/{n}/changes', '/v1/snapshots/N/changes?after=x', 400],
  ['/v1/snapshots/{n}/changes', '/v1/snapshots/999999/changes', 404],
  ['/v1/changes', '/v1/changes?limit=3', 200],
  ['/v1/changes', '/v1/changes?limit=0', 400],
  ['/v1/changes', '/v1/changes?after=x', 400],
  ['/v1/status', '/v1/status', 401],
  ['/v1/status', '/v1/status as index', 403],
  ['/v1/status', '/v1/status as admin', 200],
  ['/metrics', '/metrics', 401],
  ['/metrics', '/metrics as index', 403],
  ['/metrics', '/metrics as admin', 200],
  ['/openapi.json', '/openapi.json', 200],
])('GET %s: %s is answered with %i as described', async (path, request, status) => {
  const [target = '', who = 'nobody'] = request.split(' as ');
  const filled = target.replace(/\b(?:ROOT|N|PLACE|INDEX)\b/g, (name) => values.get(name)!);
  await demandDescribed('get', path, status, await fetchAs(who, filled, { method: 'GET' }));
});

test.each<[string, string, string, string, number]>([
  ['one', 'index', '', event('e/1'), 202],
  ['one of two', 'index', '?wait=published', `[${event('e/2')},{}]`, 202],
  ['without a token', 'nobody', '', event('e/3'), 401],
  ['with a token for something else', 'admin', '', event('e/3'), 403],
  ['with a token for other paths', 'numpy', '', event('e/3'), 403],
  ['that conflicts', 'index', '?wait=published', event('demo/a'), 409],
  ['of too many', 'index', '', `[${'1,'.repeat(10_000)}1]`, 413],
  ['that is no JSON', 'index', '', '{', 422],
  ['that is none', 'index', '', '[]', 422],
  ['that is wrong', 'index', '', '{}', 422],
  ['that waits for nothing', 'index', '?wait=x', event('e/4'), 422],
])('POST /v1/events %s, as %s, is answered as described', async (_, who, query, body, status) => {
  const response = await fetchAs(who, `/v1/events${query}`, { method: 'POST', body });
  await demandDescribed('post', '/v1/events', status, response);
});

test.each<[string, string, string, number]>([
  ['for two roles', 'ROOT', '{"roles":["targets","bin-00"]}', 200],
  ['under another root', 'x', '{"roles":["targets"]}', 404],
  ['for none', 'ROOT', '{"roles":[]}', 400],
  ['with no JSON', 'ROOT', '{', 422],
  ['with too much', 'ROOT', ' '.repeat(70_000), 413],
])('POST /merkle/{root}/proofs %s is answered as described', async (_, root, body, status) => {
  const path = `/merkle/${values.get(root) ?? root}/proofs`;
  const response = await fetchAs('nobody', path, { method: 'POST', body });
  await demandDescribed('post', '/merkle/{root}/proofs', status, response);
});

test('every path was asked for', () => {
  expect([...seen].toSorted()).toEqual(Object.keys(document.paths).toSorted());
});

async function fetchAs(who: string, path: string, init: RequestInit): Promise<Response> {
  const token = tokens.get(who);
  if (token === undefined) throw new Error(`no token for ${who}`);
  const headers = token === '' ? undefined : { authorization: `Bearer ${token}` };
  return fetch(new URL(path, server.url), { ...init, ...(headers && { headers }) });
}

async function demandDescribed(
  method: string,
  path: string,
  status: number,
  response: Response,
): Promise<void> {
  seen.add(path);
  const body = await response.text();
  expect([response.status, body.slice(0, 500)]).toEqual([status, body.slice(0, 500)]);
  const [media = ''] = (response.headers.get('content-type') ?? '').toLowerCase().split(';');
  const described = document.paths[path]?.[method]?.responses[String(status)];
  const schema = described?.content?.[media]?.schema;
  expect(schema, `${method} ${path} ${status} ${media} is not described`).toBeDefined();
  const value: unknown = media.endsWith('json') ? JSON.parse(body) : body;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ components: document.components }, 'document');
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object;
  const validate = ajv.compile(absolute);
  expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
}
