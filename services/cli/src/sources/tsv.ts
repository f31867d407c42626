/** Lines of `path TAB length TAB sha256`; empty lines are passed over. */
import { addedItem } from './item.ts';
import type { LineParser } from './item.ts';

export function tsvParser(): LineParser {
  return {
    line: (line, text) => {
      if (text === '') return undefined;
      const [path, length, sha256, ...more] = text.split('\t', 4);
      if (path === undefined || length === undefined || sha256 === undefined || more.length > 0) {
        const message = 'not three fields (path, length, sha256) with a tab between them';
        return { line, code: 'line.fields', message };
      }
      return addedItem(line, { text: path, line }, { text: length, line }, { text: sha256, line });
    },
    unreadable: (bad) => bad,
    end: () => undefined,
  };
}
