/** What the codes of outcomes mean, for whoever sent the event. */

export const REASONS: ReadonlyMap<string, string> = new Map([
  ['unchanged', 'that is how it is already'],
  ['duplicate', 'this very event was sent before'],
  ['conflict', 'the ledger holds other content at this path, and its policy is to reject'],
  ['expected', 'the target is not what the event expected'],
  ['absent', 'nothing is listed at this path'],
  ['stale', 'the event waited for longer than the ledger remembers ids'],
  ['clock_ahead', 'the clock that dated the event is ahead of the ledger'],
  ['too_large', 'there is more in custom than a target may have'],
  ['id_reused', 'this event’s id was used for something else before'],
  ['token.path', 'this token does not allow this path: tidemark tokens create … --upload PREFIX'],
]);
