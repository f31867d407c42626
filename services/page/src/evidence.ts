/** What speaks for or against a path, as it was fetched. */
import { isObject, parseJson, RejectedInput } from '@tidemark/canonical';

/** A role's file, and what the Merkle map is said to hold of it. */
export interface Proved {
  /** TAP 16. */
  readonly proof: Uint8Array;
  readonly file: Uint8Array;
}

/** Everything that speaks for or against a path, as it was fetched. */
export interface Evidence {
  readonly path: string;
  /** 1.root.json, 2.root.json, … to the newest. */
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  readonly targets: Proved;
  readonly bins: Proved;
  readonly bin: Proved;
  /** What the ledger's own API says of the path in the timestamp's snapshot. */
  readonly answer: Answer;
}

export interface Answer {
  readonly role: string;
  readonly version: number;
  readonly target: { readonly length: number; readonly sha256: string } | undefined;
}

/** Reads an answer of `/v1/targets`. @throws RejectedInput `page.answer`, `json.*` */
export function parseAnswer(bytes: Uint8Array): Answer {
  const json = parseJson(bytes);
  const { role, version, target } = isObject(json) ? json : {};
  if (typeof role !== 'string' || typeof version !== 'number') throw noAnswer();
  if (target === null || target === undefined) return { role, version, target: undefined };
  const { length, hashes } = isObject(target) ? target : {};
  const sha256 = isObject(hashes) ? hashes['sha256'] : undefined;
  if (typeof length !== 'number' || typeof sha256 !== 'string') throw noAnswer();
  return { role, version, target: { length, sha256 } };
}

function noAnswer(): RejectedInput {
  return new RejectedInput('page.answer', 'not an answer on a path');
}
