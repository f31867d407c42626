/** `tidemark show`: a role's file, or what is listed for a path. */
import { fromUtf8, parseJson, RejectedInput, type JsonObject } from '@tidemark/canonical';
import { checkTargetPath } from '@tidemark/tuf';
import type { Access } from '../access/access.ts';
import { askFile, askJson, newestSnapshot, textOf } from '../access/ask.ts';
import { listed } from './listed.ts';

export interface Found {
  readonly exists: boolean;
  readonly text: string;
  readonly json: string;
}

/** What is not a role's name is a path. */
const ROLE = /^(?:(\d+)\.)?(root|timestamp|snapshot|targets|bins|bin-[0-9a-f]{1,5})$/;

/** Refuses what is neither a role nor a path before anything is opened. @throws RejectedInput `path.*` */
export function checkShown(what: string): void {
  if (!ROLE.test(what)) checkTargetPath(what);
}

export async function show(access: Access, what: string, at: number | undefined): Promise<Found> {
  const [, version, role] = ROLE.exec(what) ?? [];
  return role === undefined ? showTarget(access, what, at) : showRole(access, role, version, at);
}

async function showTarget(access: Access, path: string, at: number | undefined): Promise<Found> {
  const found = await listed(access, path, at);
  const { snapshot, version, role, target } = found;
  const exists = target !== null;
  const where = `snapshot ${snapshot}, ${version}.${role}.json`;
  const text = exists
    ? `${path}\n  ${where}\n  ${JSON.stringify(target)}`
    : `${path} is not listed (${where})`;
  return { exists, text, json: JSON.stringify(found) };
}

async function showRole(
  access: Access,
  role: string,
  stated: string | undefined,
  at: number | undefined,
): Promise<Found> {
  const name = await fileName(access, role, stated, at);
  const file = await askFile(access, name);
  if (file === undefined) {
    const text = `there is no ${name}`;
    return { exists: false, text, json: JSON.stringify({ name, exists: false }) };
  }
  const text = JSON.stringify(parseJson(file), null, 2);
  return { exists: true, text, json: fromUtf8(file) };
}

/** A role's version at a snapshot is what its Merkle root says: snapshot.json may lag behind it. */
async function fileName(
  access: Access,
  role: string,
  stated: string | undefined,
  at: number | undefined,
): Promise<string> {
  if (stated !== undefined) return `${stated}.${role}.json`;
  const timestamp = at === undefined ? 'timestamp.json' : `${at}.timestamp.json`;
  if (role === 'timestamp') return timestamp;
  if (role === 'root') {
    if (at !== undefined) {
      throw new RejectedInput('option.at', 'no snapshot states a root: ask for 1.root, 2.root, …');
    }
    return `${(await newestSnapshot(access)).versions.root}.root.json`;
  }
  const { meta, merkle_root: merkleRoot } = await signedOf(access, timestamp);
  if (role === 'snapshot') {
    const files = meta as unknown as Record<string, { version: number }>;
    return `${files['snapshot.json']!.version}.snapshot.json`;
  }
  const proof = await askJson(access, `/merkle/${textOf(merkleRoot)}/${role}.json`);
  const files = proof['leaf_contents'] as unknown as Record<string, { version: number }>;
  return `${files[`${role}.json`]?.version ?? 0}.${role}.json`;
}

async function signedOf(access: Access, name: string): Promise<JsonObject> {
  const file = await askFile(access, name);
  if (file === undefined) throw new RejectedInput('show.absent', `there is no ${name}`);
  return (parseJson(file) as { signed: JsonObject }).signed;
}
