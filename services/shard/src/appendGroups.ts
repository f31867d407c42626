/** Records in groups that fit one append. */
import { appendBytesMax } from '@tidemark/log';

export function appendGroups(records: readonly Uint8Array[]): Uint8Array[][] {
  const result: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const record of records) {
    if (bytes + record.length > appendBytesMax / 2) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)!.push(record);
    bytes += record.length;
  }
  return result;
}
