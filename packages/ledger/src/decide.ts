/**
 * What one event does to one target: the ledger's rules, as a pure function.
 *
 * Every answer is deterministic: a new value, or a code that travels as the event's outcome. Nothing
 * here throws for what an uploader sends.
 */
import { canonicalText, readJson, type Json, type JsonObject } from '@tidemark/canonical';
import type { Event } from '@tidemark/event';

/** Why an event changed nothing. `unchanged` is not a refusal: what it asks for already holds. */
export type OutcomeCode =
  | 'unchanged'
  | 'conflict'
  | 'expected'
  | 'absent'
  | 'stale'
  | 'clock_ahead'
  | 'wrong_partition'
  | 'too_large'
  | 'duplicate'
  | 'id_reused';

/** What an event meets: the target's canonical value and the state of the role that lists it. */
export interface Held {
  /** The target's canonical value, or undefined where it is not listed. */
  readonly value: string | undefined;
  /** The version of the bin that lists it, as of the last cut; undefined once this cut changed the path. */
  readonly version: number | undefined;
}

export type Decision = { readonly value: string | null } | { readonly code: OutcomeCode };

/** Yanks add to what `custom` holds, so that it needs a limit beyond the one an event has. */
const CUSTOM_BYTES_MAX = 2 * 4_096;

/** Decides an event against what is held, under the ledger's policy for other content at a path. */
export function decide(event: Event, held: Held, conflict: 'reject' | 'replace'): Decision {
  const current = held.value === undefined ? undefined : parseValue(held.value);
  if (event.expected !== undefined && !meets(event.expected, current, held.version)) {
    return { code: 'expected' };
  }
  switch (event.type) {
    case 'target.added':
      return add(event, current, conflict);
    case 'target.removed':
      return current === undefined ? { code: 'absent' } : { value: null };
    case 'target.yanked':
      return current === undefined ? { code: 'absent' } : yank(event, current);
  }
}

/** A target's canonical value: `{"custom":…,"hashes":{"sha256":…},"length":…}`. */
export function targetValue(length: number, sha256: string, custom: string | undefined): string {
  const opening = custom === undefined ? '{' : `{"custom":${custom},`;
  return `${opening}"hashes":{"sha256":"${sha256}"},"length":${length}}`;
}

/** A listed target, read back from its canonical value. */
export interface TargetValue {
  readonly length: number;
  readonly sha256: string;
  readonly custom: JsonObject | undefined;
}

/** Reads a value this ledger wrote. */
export function parseValue(value: string): TargetValue {
  const parsed = readJson(value) as {
    length: number;
    hashes: { sha256: string };
    custom?: JsonObject;
  };
  return { length: parsed.length, sha256: parsed.hashes.sha256, custom: parsed.custom };
}

function meets(
  expected: string | number,
  current: TargetValue | undefined,
  version: number | undefined,
): boolean {
  if (expected === 'absent') return current === undefined;
  if (typeof expected === 'number') return current !== undefined && expected === version;
  return current?.sha256 === expected;
}

function add(
  event: Event,
  current: TargetValue | undefined,
  conflict: 'reject' | 'replace',
): Decision {
  const length = event.length!;
  const sha256 = event.hashes!.sha256;
  if (current === undefined) {
    return { value: targetValue(length, sha256, customText(event.custom)) };
  }
  if (current.length !== length || current.sha256 !== sha256) {
    if (conflict === 'reject') return { code: 'conflict' };
    return { value: targetValue(length, sha256, customText(event.custom)) };
  }
  // The same content again: a list imported twice must not undo a yank or drop what it does not state.
  if (event.custom === undefined) return { code: 'unchanged' };
  const yanked = current.custom?.['yanked'];
  const custom = yanked === undefined ? event.custom : { ...event.custom, yanked };
  return changed(current, targetValue(length, sha256, customText(custom)));
}

/** A yank marks the target in `custom`; it stays listed, so installs pinned to it go on working. */
function yank(event: Event, current: TargetValue): Decision {
  const merged: Record<string, Json> = { ...current.custom, yanked: true, ...event.custom };
  if (merged['yanked'] === false) delete merged['yanked'];
  const custom = customText(Object.keys(merged).length === 0 ? undefined : merged);
  if (custom !== undefined && custom.length > CUSTOM_BYTES_MAX) return { code: 'too_large' };
  return changed(current, targetValue(current.length, current.sha256, custom));
}

function changed(current: TargetValue, value: string): Decision {
  const before = targetValue(current.length, current.sha256, customText(current.custom));
  return value === before ? { code: 'unchanged' } : { value };
}

function customText(custom: JsonObject | undefined): string | undefined {
  return custom === undefined ? undefined : canonicalText(custom);
}
