/** What a source yields: an event per good line, a code per bad one. */
import { RejectedInput } from '@tidemark/canonical';
import { sha256HexNative } from '@tidemark/canonical/native';
import type { Event } from '@tidemark/event';
import { checkTargetPath } from '@tidemark/tuf';

export interface GoodLine {
  /** Where it stands in the source, from 1; a stanza's first line. */
  readonly line: number;
  /** A `target.added` whose id follows from its content: see {@link importEventId}. */
  readonly event: Event;
}

export interface BadLine {
  readonly line: number;
  /** `line.*`, `stanza.*`, `path.*` for a line; `source.*` for damage that ended the reading. */
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
  const flaw = pathFlaw(path);
  if (flaw !== undefined) return flaw;
  const bytes = Number(length.text);
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(length.text) || !Number.isSafeInteger(bytes)) {
    const message = `${shown(length.text)} is not a length in bytes`;
    return { line: length.line, code: 'line.length', message };
  }
  if (!/^[0-9a-f]{64}$/.test(sha256.text)) {
    const message = `${shown(sha256.text)} is not a SHA-256 (64 lower-case hex digits)`;
    return { line: sha256.line, code: 'line.sha256', message };
  }
  const id = importEventId(path.text, bytes, sha256.text);
  const hashes = { sha256: sha256.text };
  return { line, event: { id, type: 'target.added', path: path.text, length: bytes, hashes } };
}

/**
 * The same file in the same place always gets the same id, so an import that is interrupted and repeated adds nothing twice.
 * A UUID version 8: SHA-256 over the three facts, cut to 122 bits. RFC 9562 #section-5.8
 * @param since the version of the bin in which the path was found with other content, or none, after it had been imported:
 *   then it is another event, the same for everybody who finds it so
 */
export function importEventId(
  path: string,
  length: number,
  sha256: string,
  since?: number,
): string {
  const after = since === undefined ? '' : `${since}\n`;
  const hex = sha256HexNative(`tidemark import 1\n${path}\n${length}\n${sha256}\n${after}`);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** For messages: short, and without control characters that would reach a terminal. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).replaceAll(
    /[\u007f-\u009f]/g,
    '?',
  );
}

function pathFlaw(path: Field): BadLine | undefined {
  try {
    checkTargetPath(path.text);
    return undefined;
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    return { line: path.line, code: error.code, message: error.message };
  }
}
