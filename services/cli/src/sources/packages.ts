/**
 * Debian's `Packages` index: stanzas of `Field: value`, an empty line between them; of each, Filename, Size and SHA256 are read.
 * Lines that begin with a space or tab continue the field above. Debian Policy, "Syntax of control files" (deb822).
 */
import { addedItem, shown } from './item.ts';
import type { BadLine, Field, LineParser, SourceItem } from './item.ts';

/** By lower-case name: field names are not case-sensitive. */
const WANTED = new Map([
  ['filename', 'Filename'],
  ['size', 'Size'],
  ['sha256', 'SHA256'],
]);

interface Stanza {
  readonly firstLine: number;
  readonly fields: Map<string, Field>;
  /** The field that a continuation line continues. */
  last: string | undefined;
  /** The first flaw found; the rest of the stanza only ends it. */
  flaw: BadLine | undefined;
}

/** A stanza yields one item: an event with the number of its first line, or its first flaw with the flaw's. */
export function packagesParser(): LineParser {
  let stanza: Stanza | undefined;
  const end = (): SourceItem | undefined => {
    const done = stanza;
    stanza = undefined;
    return done === undefined ? undefined : finished(done);
  };
  const open = (line: number): Stanza =>
    (stanza ??= { firstLine: line, fields: new Map(), last: undefined, flaw: undefined });
  return {
    line: (line, text) => {
      if (text === '') return end();
      const current = open(line);
      current.flaw ??= readLine(current, line, text);
      return undefined;
    },
    unreadable: (bad) => {
      open(bad.line).flaw ??= bad;
      return undefined;
    },
    end,
  };
}

function readLine(stanza: Stanza, line: number, text: string): BadLine | undefined {
  if (text.startsWith(' ') || text.startsWith('\t')) {
    if (stanza.last === undefined) {
      return {
        line,
        code: 'stanza.syntax',
        message: 'a continuation line, with nothing to continue',
      };
    }
    const name = WANTED.get(stanza.last);
    if (name === undefined) return undefined;
    return { line, code: 'stanza.folded', message: `${name} has to be on one line` };
  }
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0));
  if (!/^[!"$-,.-9;-~][!-9;-~]*$/.test(name)) {
    return { line, code: 'stanza.syntax', message: `${shown(text)} is not "Field: value"` };
  }
  const key = name.toLowerCase();
  stanza.last = key;
  const wanted = WANTED.get(key);
  if (wanted === undefined) return undefined;
  if (stanza.fields.has(key)) {
    return { line, code: 'stanza.duplicate', message: `${wanted} occurs twice in a stanza` };
  }
  stanza.fields.set(key, { text: text.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, ''), line });
  return undefined;
}

function finished(stanza: Stanza): SourceItem {
  if (stanza.flaw !== undefined) return stanza.flaw;
  const [path, length, sha256] = [...WANTED.keys()].map((key) => stanza.fields.get(key));
  if (path === undefined || length === undefined || sha256 === undefined) {
    const missing = [...WANTED].filter(([key]) => !stanza.fields.has(key)).map(([, name]) => name);
    const message = `the stanza has no ${missing.join(', no ')}`;
    return { line: stanza.firstLine, code: 'stanza.missing', message };
  }
  return addedItem(stanza.firstLine, path, length, sha256);
}
