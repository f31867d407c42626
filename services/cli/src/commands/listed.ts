/** What a snapshot lists for a path. */
import type { JsonObject } from '@tidemark/canonical';
import { checkTargetPath } from '@tidemark/tuf';
import { askJson, type Access } from '../access.ts';

/** `target` is null where the path is not listed; `version` is that of the bin that says so. */
export interface Listed extends JsonObject {
  readonly snapshot: number;
  readonly role: string;
  readonly version: number;
  readonly target: (JsonObject & { length: number; hashes: { sha256: string } }) | null;
}

/** @param at a snapshot's number; the newest unless given */
export async function listed(access: Access, path: string, at?: number): Promise<Listed> {
  const query = at === undefined ? '' : `?at=${at}`;
  const name = checkTargetPath(path).split('/').map(encodeURIComponent).join('/');
  return (await askJson(access, 'GET', `/v1/targets/${name}${query}`)) as Listed;
}
