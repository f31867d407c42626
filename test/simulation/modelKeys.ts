// Who has signed a record, of those that the reference fold has listed.
import { verifyEd25519Native } from '@tidemark/canonical/native';
import { keysById, verifyRecord, type LogRecord } from '@tidemark/event';

const keysOfLists = new WeakMap<readonly string[], ReturnType<typeof keysById>>();

export function isSignedBy(
  record: LogRecord,
  publicKeys: readonly string[],
  threshold: number,
): boolean {
  return verifyRecord(record, keysOf(publicKeys), threshold, verifyEd25519Native);
}

/** A list of keys does not change once it is in force. */
function keysOf(publicKeys: readonly string[]): ReturnType<typeof keysById> {
  let keys = keysOfLists.get(publicKeys);
  if (keys === undefined) keysOfLists.set(publicKeys, (keys = keysById(publicKeys)));
  return keys;
}
