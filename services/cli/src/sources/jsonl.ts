/**
 * JSON lines: on each an object in the shape of an event, of which `id`, `type` (`target.added`) and, where there is `sha256`,
 * `hashes` may be missing. Of `hashes` only `sha256` is taken. Empty lines are passed over.
 */
import { isObject, parseJson, RejectedInput, type Json } from '@tidemark/canonical';
import { parseEvent } from '@tidemark/event';
import { importEventId, itemOr } from './item.ts';
import type { LineParser, SourceItem } from './item.ts';

export function jsonlParser(): LineParser {
  return {
    line: (line, text) => {
      if (text.trim() === '') return undefined;
      return itemOr(line, () => eventItem(line, parseJson(text)));
    },
    unreadable: (bad) => bad,
    end: () => undefined,
  };
}

/** @throws RejectedInput `event.*`, `path.*` */
function eventItem(line: number, json: Json): SourceItem {
  if (!isObject(json)) throw new RejectedInput('event.shape', 'the line is no JSON object');
  const { sha256, hashes, ...rest } = json;
  const stated = isObject(hashes) ? hashes['sha256'] : undefined;
  if (stated !== undefined && sha256 !== undefined && stated !== sha256) {
    throw new RejectedInput('event.hash', 'sha256 and hashes.sha256 differ');
  }
  const hash = stated ?? sha256;
  const full = {
    id: 'none-yet',
    type: 'target.added',
    ...rest,
    ...(hash === undefined ? {} : { hashes: { sha256: hash } }),
  };
  const event = parseEvent(full);
  if ('id' in json) return { line, event, ownId: true };
  const { id: _, ...facts } = event;
  return { line, event: { ...event, id: importEventId(facts) } };
}
