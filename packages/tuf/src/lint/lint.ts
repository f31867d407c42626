/**
 * Holds published metadata to what python-tuf, go-tuf, tough and tuf-js all accept, and to what keeps their users safe.
 * The rules stand in tables: `values.ts`, `files.ts`, `keys.ts`, `targets.ts` about single files, `history.ts` about
 * versions that follow each other, `current.ts` and `tree.ts` about what a client reaches today.
 */

import { sha256 } from '@tidemark/canonical';
import type { Sha256 } from '@tidemark/canonical';
import { portableVerifiers } from '../keys.ts';
import type { Verifiers } from '../keys.ts';
import { lintCurrent } from './current.ts';
import { lintHistory } from './history.ts';
import { createRepository } from './repository.ts';
import type { Finding } from './rule.ts';

export interface LintOptions {
  /** Milliseconds since the epoch: what expires at or before it has expired. */
  readonly now: number;
  /** Portable, so Ed25519 only, unless given; `nativeVerifiers` know all kinds and are a hundred times faster. */
  readonly verifiers?: Verifiers;
  /** Portable unless given. */
  readonly sha256?: Sha256;
}

/**
 * @param files the metadata directory, by file name: all versions that are kept
 * @returns every breach found; none for a repository that works in every client
 */
export function lintRepository(
  files: ReadonlyMap<string, Uint8Array>,
  options: LintOptions,
): readonly Finding[] {
  const repository = createRepository(files, {
    now: options.now,
    verifiers: options.verifiers ?? portableVerifiers,
    sha256: options.sha256 ?? sha256,
  });
  const root = lintHistory(repository);
  if (root !== undefined) lintCurrent(root, repository);
  repository.openRest();
  return repository.findings;
}
