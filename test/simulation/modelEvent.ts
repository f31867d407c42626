// The reference of what one event does to its path, by the rules alone.
import { canonicalText, type Json, type JsonObject } from '@tidemark/canonical';
import type { Event, Policy } from '@tidemark/event';

/**
 * A code, or the new value; none for a path that is removed.
 * @param current what the path has by now
 * @param version that of the last cut; undefined once the path was changed
 */
export function decide(
  event: Event,
  current: JsonObject | undefined,
  version: number | undefined,
  conflict: Policy['conflict'],
): string | { value: JsonObject | undefined } {
  const { expected, hashes, length, custom } = event;
  const currentHash = (current?.['hashes'] as JsonObject | undefined)?.['sha256'];
  const currentCustom = current?.['custom'] as JsonObject | undefined;
  if (expected === 'absent' && current !== undefined) return 'expected';
  if (typeof expected === 'number' && (current === undefined || version !== expected)) {
    return 'expected';
  }
  if (typeof expected === 'string' && expected !== 'absent' && currentHash !== expected) {
    return 'expected';
  }
  const value = (custom: JsonObject | undefined, of: JsonObject): JsonObject => {
    const isEmpty = custom === undefined || Object.keys(custom).length === 0;
    const { hashes, length } = of;
    return { ...(isEmpty ? {} : { custom }), hashes: hashes!, length: length! };
  };
  const unlessSame = (next: JsonObject): string | { value: JsonObject } =>
    canonicalText(next) === canonicalText(current!) ? 'unchanged' : { value: next };
  if (event.type === 'target.removed') {
    return current === undefined ? 'absent' : { value: undefined };
  }
  if (event.type === 'target.yanked') {
    if (current === undefined) return 'absent';
    const merged: Record<string, Json> = { ...currentCustom, yanked: true, ...custom };
    if (merged['yanked'] === false) delete merged['yanked'];
    return unlessSame(value(merged, current));
  }
  const added: JsonObject = { hashes: { sha256: hashes!.sha256 }, length: length! };
  if (current === undefined) return { value: value(custom, added) };
  if (current['length'] !== length || currentHash !== hashes!.sha256) {
    return conflict === 'reject' ? 'conflict' : { value: value(custom, added) };
  }
  if (custom === undefined) return 'unchanged';
  const yanked = currentCustom?.['yanked'];
  return unlessSame(value(yanked === undefined ? custom : { ...custom, yanked }, current));
}
