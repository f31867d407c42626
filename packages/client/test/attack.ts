/** An attack from beginning to end: honest, attack, refused with its code, not a byte of trust lost, honest again. */

import type { JsonObject } from '@tidemark/canonical';
import { expect } from 'vitest';
import { memoryStore } from '../src/index.ts';
import type { Fetch, Limits, TrustStore } from '../src/index.ts';
import { downloaded, type Repository, repository } from './repository.ts';

export interface Attack {
  /** An honest one; by default its role *targets* lists {@link FIRST}. */
  readonly repo?: Repository;
  /** What the client asks for. */
  readonly path?: string;
  readonly spoil: (repo: Repository) => void;
  readonly code: string;
  /** Roles of which something newer was trusted before the lie was met. */
  readonly moved?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** What the client fetches with; the repository's own by default. */
  readonly fetch?: Fetch;
  /** Ends what else is done than spoiling the repository. */
  readonly mend?: () => void;
}

export const FIRST = 'demo/a.tar.gz';

export async function withstood(attack: Attack): Promise<void> {
  const { repo = repository(), path = FIRST, moved = [], limits = {}, code, fetch } = attack;
  const ways = fetch && { fetch };
  const store = memoryStore();
  const client = await repo.client({ store, ...ways });
  expect(await downloaded(client, path)).toBe(`content of ${path}`);
  const before = await trustedIn(store, repo);
  const honest = new Map(repo.files);
  const { expires, alter, onAsked } = repo;
  const keys = structuredClone(repo.keys);

  attack.spoil(repo);
  // Another process: what it knows is what was kept.
  const attacked = await repo.client({ store, limits, ...ways });
  await expect(downloaded(attacked, path)).rejects.toMatchObject({ code });
  const after = await trustedIn(store, repo);
  const changed = Object.keys(after).filter((role) => after[role] !== before[role]);
  expect(changed).toEqual([...moved].toSorted());

  attack.mend?.();
  repo.files.clear();
  for (const [name, bytes] of honest) repo.files.set(name, bytes);
  Object.assign(repo, { expires, alter, onAsked });
  Object.assign(repo.keys, keys);
  goOn(repo);
  for (const each of [path, 'demo/later']) {
    const again = await repo.client({ store, ...ways });
    expect(await downloaded(again, each)).toBe(`content of ${each}`);
  }
}

/** A newer version of everything but root, beyond what an attack has used. */
function goOn(repo: Repository): void {
  repo.add('targets', 'demo/later');
  for (const role of Object.keys(repo.versions)) {
    if (role !== 'root') repo.versions[role]! += 10;
  }
  repo.publishTargets(...targetsRoles(repo));
  repo.publish();
}

/** By role, as text. */
export async function trustedIn(
  store: TrustStore,
  repo: Repository,
): Promise<Record<string, string | undefined>> {
  const roles = ['root', 'timestamp', 'snapshot', ...targetsRoles(repo)].toSorted();
  const kept: [string, string | undefined][] = [];
  for (const role of roles) {
    const bytes = await store.read(role);
    kept.push([role, bytes && Buffer.from(bytes).toString()]);
  }
  return Object.fromEntries(kept);
}

/** What timestamp or snapshot states, without lengths and hashes. */
export function versionsOnly(signed: JsonObject): JsonObject {
  const meta = Object.entries(signed['meta'] as JsonObject).map(([name, file]) => [
    name,
    { version: (file as JsonObject)['version']! },
  ]);
  return { ...signed, meta: Object.fromEntries(meta) as JsonObject };
}

function targetsRoles(repo: Repository): string[] {
  const others = new Set(['root', 'timestamp', 'snapshot']);
  return Object.keys(repo.versions).filter((role) => !others.has(role));
}
