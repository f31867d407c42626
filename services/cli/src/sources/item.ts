/** What a source yields: an event per good line, a code per bad one. */
import { recordText, RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import type { Event } from '@tidemark/event';
import { checkTargetPath } from '@tidemark/tuf';

export interface GoodLine {
  /** Where it stands in the source, from 1; a stanza's first line. */
  readonly line: number;
  /** In which of a folder's documents, where the source is one; `line` counts the files in it. */
  readonly document?: string;
  /** Its id follows from its content, {@link importEventId}, unless the source states one. */
  readonly event: Event;
  /** Whether the source stated the id: then it is that event and no other, whatever came after it. */
  readonly ownId?: true;
}

export interface BadLine {
  /** 0: a document as a whole. */
  readonly line: number;
  readonly document?: string;
  /** `line.*`, `stanza.*`, `json.*`, `event.*`, `simple.*`, `path.*` for a line; `source.*` for damage that ended the reading. */
  readonly code: string;
  readonly message: string;
}

export type SourceItem = GoodLine | BadLine;

/** Turns lines into items; `end` says that the source is complete, and gives what was waiting for that. */
export interface LineParser {
  line(number: number, text: string): SourceItem | undefined;
  /** A line that could not be read takes its stanza with it. */
  unreadable(bad: BadLine): BadLine | undefined;
  end(): SourceItem | undefined;
}

/** A value and the number of the line it stands in. */
export interface Field {
  readonly text: string;
  readonly line: number;
}

/** @param line the number that the item gets if all is well; a flaw is reported at its own field's line */
export function addedItem(line: number, path: Field, length: Field, sha256: Field): SourceItem {
  const checked = itemOr(path.line, () => checkTargetPath(path.text));
  if (typeof checked !== 'string') return checked;
  const bytes = Number(length.text);
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(length.text) || !Number.isSafeInteger(bytes)) {
    const message = `${shown(length.text)} is not a length in bytes`;
    return { line: length.line, code: 'line.length', message };
  }
  if (!/^[0-9a-f]{64}$/.test(sha256.text)) {
    const message = `${shown(sha256.text)} is not a SHA-256 (64 lower-case hex digits)`;
    return { line: sha256.line, code: 'line.sha256', message };
  }
  const event = {
    type: 'target.added',
    path: checked,
    length: bytes,
    hashes: { sha256: sha256.text },
  } as const;
  return { line, event: { ...event, id: importEventId(event) } };
}

/**
 * The same file in the same place always gets the same id, so an import that is interrupted and repeated adds nothing twice.
 * A UUID version 8: SHA-256 over what the event says, cut to 122 bits. RFC 9562 #section-5.8
 * @param since the version of the bin in which the path was found with other content, or none, after it had been imported:
 *   then it is another event, the same for everybody who finds it so
 */
export function importEventId(event: Omit<Event, 'id'>, since?: number): string {
  const after = since === undefined ? '' : `${since}\n`;
  const hex = sha256HexNative(`${factsOf(event)}\n${after}`);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A file and no more is written as it always was, so that its id stays what it is in the ledgers. */
function factsOf(event: Omit<Event, 'id'>): string {
  const { type, path, length, hashes, custom, expected } = event;
  if (type === 'target.added' && custom === undefined && expected === undefined) {
    return `tidemark import 1\n${path}\n${length}\n${hashes?.sha256}`;
  }
  return `tidemark import 2\n${recordText(event)}`;
}

/** For messages: short, and without control characters that would reach a terminal. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).replaceAll(
    /[\u007f-\u009f]/g,
    '?',
  );
}

/** What is made of a line, or why it is refused. */
export function itemOr<T>(line: number, make: () => T): T | BadLine {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    return { line, code: error.code, message: error.message };
  }
}
