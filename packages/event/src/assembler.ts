/** Puts documents together again from their parts, in bounded memory. */

import { concat, RejectedInput, sha256Hex, utf8 } from '@tidemark/canonical';
import { documentBytesMax, tooLarge } from './document.ts';
import type { DocumentName, PartSigned } from './document.ts';

/** A document whose last part has arrived. */
export interface Assembled {
  readonly name: DocumentName;
  readonly document: Uint8Array;
  /** Where its parts stand in the log, in the order in which they came. */
  readonly offsets: readonly number[];
}

export const assembliesMax = 16;

interface Assembly {
  readonly parts: Map<number, PartSigned>;
  readonly offsets: number[];
  bytes: number;
  /** Over its parts' offsets. */
  digest: string;
}

/**
 * Deterministic: what it gives depends on the parts and their order alone. Parts are unsigned, so whoever can write to
 * the log can begin assemblies or spoil one; then the document has to be sent again. Beyond {@link assembliesMax} the
 * one that began first is given up.
 *
 * Only parts of documents that are complete or still open have an effect on what comes. So an assembler that is given
 * just these again, in order, is in the same state: nothing is crowded out there that was not here.
 */
export class PartAssembler {
  /** In order of their first part. */
  private readonly open = new Map<string, Assembly>();
  /** The same for two assemblers that the same parts of the log are open in; empty where none are. */
  digest = '';

  /** Where the parts stand in the log that are waited for the rest of. */
  get pending(): number[] {
    return [...this.open.values()].flatMap(({ offsets }) => offsets);
  }

  /**
   * Takes the next part of the log, which stands at an offset. One with a number that was there before changes nothing.
   * @returns the document, if this was its last missing part
   * @throws RejectedInput `part.too_large`, `part.sha256`: the document is given up
   */
  add(part: PartSigned, offset: number): Assembled | undefined {
    try {
      return this.take(part, offset);
    } finally {
      const digests = Array.from(this.open.values(), ({ digest }) => digest);
      this.digest = digests.length === 0 ? '' : sha256Hex(utf8(digests.join()));
    }
  }

  private take(part: PartSigned, offset: number): Assembled | undefined {
    const key = JSON.stringify([part.kind, part.role ?? null, part.sha256, part.k]);
    const assembly = this.open.get(key) ?? this.begin(key);
    if (assembly.parts.has(part.i)) return undefined;
    assembly.parts.set(part.i, part);
    assembly.offsets.push(offset);
    assembly.digest = sha256Hex(utf8(`${assembly.digest},${offset}`));
    assembly.bytes += utf8(part.data).length;
    if (assembly.bytes > documentBytesMax) {
      this.open.delete(key);
      throw tooLarge();
    }
    if (assembly.parts.size < part.k) return undefined;
    this.open.delete(key);
    const document = join(part, assembly.parts);
    return { name: nameOf(part), document, offsets: assembly.offsets };
  }

  private begin(key: string): Assembly {
    const [oldest] = this.open.keys();
    if (this.open.size >= assembliesMax && oldest !== undefined) this.open.delete(oldest);
    const assembly: Assembly = { parts: new Map(), offsets: [], bytes: 0, digest: '' };
    this.open.set(key, assembly);
    return assembly;
  }
}

function nameOf(part: PartSigned): DocumentName {
  return part.role === undefined ? { kind: 'root' } : { kind: 'role', role: part.role };
}

function join({ sha256 }: PartSigned, parts: ReadonlyMap<number, PartSigned>): Uint8Array {
  const inOrder = [...parts.values()].sort((a, b) => a.i - b.i);
  const document = concat(...inOrder.map(({ data }) => utf8(data)));
  if (sha256Hex(document) !== sha256) {
    throw new RejectedInput('part.sha256', 'the parts make another document');
  }
  return document;
}
