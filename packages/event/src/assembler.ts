/** Puts documents together again from their parts, in bounded memory. */

import { concat, RejectedInput, sha256Hex, utf8 } from '@tidemark/canonical';
import { documentBytesMax, tooLarge } from './document.ts';
import type { DocumentName, PartSigned } from './document.ts';

/** A document whose last part has arrived. */
export interface Assembled {
  readonly name: DocumentName;
  readonly document: Uint8Array;
}

export const assembliesMax = 16;

interface Assembly {
  readonly parts: Map<number, PartSigned>;
  bytes: number;
}

/**
 * Deterministic: what it gives depends on the parts and their order alone. Parts are unsigned, so whoever can write to
 * the log can begin assemblies or spoil one; then the document has to be sent again. Beyond {@link assembliesMax} the
 * one that began first is given up.
 */
export class PartAssembler {
  /** In order of their first part. */
  private readonly open = new Map<string, Assembly>();

  /**
   * Takes the next part of the log. One with a number that was there before changes nothing.
   * @returns the document, if this was its last missing part
   * @throws RejectedInput `part.too_large`, `part.sha256`: the document is given up
   */
  add(part: PartSigned): Assembled | undefined {
    const key = JSON.stringify([part.kind, part.role ?? null, part.sha256, part.k]);
    const assembly = this.open.get(key) ?? this.begin(key);
    if (assembly.parts.has(part.i)) return undefined;
    assembly.parts.set(part.i, part);
    assembly.bytes += utf8(part.data).length;
    if (assembly.bytes > documentBytesMax) {
      this.open.delete(key);
      throw tooLarge();
    }
    if (assembly.parts.size < part.k) return undefined;
    this.open.delete(key);
    return { name: nameOf(part), document: join(part, assembly.parts) };
  }

  private begin(key: string): Assembly {
    const [oldest] = this.open.keys();
    if (this.open.size >= assembliesMax && oldest !== undefined) this.open.delete(oldest);
    const assembly: Assembly = { parts: new Map(), bytes: 0 };
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
