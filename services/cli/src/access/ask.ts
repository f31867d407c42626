/** What commands ask of a ledger, whatever way they reach it, and how they read its answers. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  accepted,
  isObject,
  OperatingFault,
  parseJson,
  RejectedInput,
  type Json,
  type JsonObject,
} from '@tidemark/canonical';
import { z } from 'zod';
import type { Access, Answer, AskOptions } from './access.ts';
import { ledgerSchema, snapshotSchema } from '../http/schemas.ts';

const BEHIND_MS_MAX = 60_000;
const BEHIND_LOOK_MS = 50;

/** What to do about a token, for whoever has none that counts. */
const TOKEN =
  'on the ledger’s machine: npx tidemark tokens create DIR --subject NAME --upload (or --admin, for the status). ' +
  'Then put it into TIDEMARK_TOKEN, or into a file of mode 0600 for --token-file';
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['token.absent', `make one ${TOKEN}`],
  ['token.form', `make one ${TOKEN}`],
  ['token.unknown', `make another ${TOKEN}`],
  ['token.expired', `make another ${TOKEN}`],
  ['token.scope', `make one that has ${TOKEN}`],
]);

/**
 * Asks and reads a JSON object.
 * @throws RejectedInput, OperatingFault with the ledger's own code and reason; OperatingFault `ledger.answer`
 */
export async function askJson(
  access: Access,
  path: string,
  options?: AskOptions,
): Promise<JsonObject> {
  return jsonIn(await access.ask('GET', path, options), path);
}

/** The same, of a known shape. @throws as `askJson` */
export async function askFor<T>(
  access: Access,
  schema: z.ZodType<T>,
  path: string,
  options?: AskOptions,
): Promise<T> {
  return shaped(schema, await askJson(access, path, options), path);
}

/**
 * A file of the ledger's metadata, as it came.
 * @returns undefined where there is none
 * @throws as `askJson`
 */
export async function askFile(
  access: Access,
  name: string,
  options?: AskOptions,
): Promise<Uint8Array | undefined> {
  const path = `/metadata/${name}`;
  const answer = await access.ask('GET', path, options);
  if (answer.status === 200) return answer.body;
  if (answer.status === 404) return undefined;
  jsonIn(answer, path);
  throw new OperatingFault('ledger.answer', `${path} was answered with ${answer.status}`);
}

/**
 * Reads an answer; one that judges events one by one is one whatever it says.
 * @throws as `askJson`
 */
export function jsonIn({ status, body }: Answer, path: string): JsonObject {
  const json = objectIn(body);
  if (json === undefined) {
    throw new OperatingFault(
      'ledger.answer',
      `${path} was answered with ${status}, but not as a ledger does: is it the ledger’s URL?`,
    );
  }
  const isJudged = Array.isArray(json['refused']) && json['code'] === undefined;
  if (status < 400 || isJudged) return json;
  const code = textOf(json['code']) ?? 'ledger.refused';
  const reason = textOf(json['title']) ?? `the ledger answered ${status}`;
  const advice = ADVICE.get(code);
  const text = advice === undefined ? reason : `${reason}; ${advice}`;
  throw status < 500 ? new RejectedInput(code, text) : new OperatingFault(code, text);
}

/** @throws OperatingFault `ledger.answer` */
export function shaped<T>(schema: z.ZodType<T>, json: JsonObject, path: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new OperatingFault(
    'ledger.answer',
    `${path} was not answered as a ledger does: ${z.prettifyError(result.error)}`,
  );
}

/** Its shape and its policy. */
export async function ledgerOf(access: Access): Promise<z.infer<typeof ledgerSchema>> {
  return askFor(access, ledgerSchema, '/v1/ledger');
}

const NEWEST = snapshotSchema.pick({
  snapshot: true,
  time: true,
  merkle_root: true,
  versions: true,
});

/** Of the newest snapshot what is said in short. */
export async function newestSnapshot(access: Access): Promise<z.infer<typeof NEWEST>> {
  return askFor(access, NEWEST, '/v1/snapshots/newest');
}

/**
 * Resolves once snapshot.json states snapshot n or a later one: the timestamp has the Merkle root of
 * every snapshot, but most clients read that file, and it follows by up to a second.
 * @throws OperatingFault `ledger.behind`
 */
export async function untilInSnapshotJson(access: Access, n: number): Promise<void> {
  const { classic_ms: classicMs } = (await ledgerOf(access)).policy;
  // By policy it may only be renewed.
  if (classicMs === null) return;
  const deadline = performance.now() + BEHIND_MS_MAX;
  while ((await newestSnapshot(access)).versions.snapshot < n) {
    if (performance.now() > deadline) {
      throw new OperatingFault('ledger.behind', `snapshot.json does not reach snapshot ${n}`);
    }
    await delay(Math.min(BEHIND_LOOK_MS, classicMs));
  }
}

/** A field of an answer for people; undefined where it is missing or null. */
export function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function objectIn(body: Uint8Array): JsonObject | undefined {
  const json = accepted(() => parseJson(body));
  return isObject(json) ? json : undefined;
}
