/** What a snapshot lists for a path. */
import type { JsonObject } from '@tidemark/canonical';
import { checkTargetPath, pathInUrl } from '@tidemark/tuf';
import type { Access } from '../access/access.ts';
import { askJson, shaped } from '../access/ask.ts';
import { listedSchema } from '../http/schemas.ts';

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
  const name = pathInUrl(checkTargetPath(path));
  const json = await askJson(access, `/v1/targets/${name}${query}`);
  // As it came: what is printed keeps its order.
  shaped(listedSchema, json, '/v1/targets');
  return json as Listed;
}

/** Paths that are looked up at the same time. */
const LOOKED_UP_AT_ONCE = 8;

/** Looks up a path for each item, several at a time, and has them used in their order. */
export async function lookUp<T>(
  access: Access,
  items: readonly T[],
  pathOf: (item: T) => string,
  use: (item: T, found: Listed) => unknown,
): Promise<void> {
  for (let i = 0; i < items.length; i += LOOKED_UP_AT_ONCE) {
    const some = items.slice(i, i + LOOKED_UP_AT_ONCE);
    const found = await Promise.all(some.map((item) => listed(access, pathOf(item))));
    some.forEach((item, at) => use(item, found[at]!));
  }
}
