/** What a request holds: values of a JSON array, or lines of NDJSON as they arrive. */
import { parseJson, RejectedInput, type Json } from '@tidemark/canonical';
import type { Context } from 'hono';
import { LineSplitter, type Line } from '../lines.ts';
import { bodyOf, chunksOf, type BodyLimits } from './requestBody.ts';

export interface Item {
  /** Its place among the items. */
  readonly index: number;
  /** Of NDJSON: the line, from 1. Empty ones are lines, but no items. */
  readonly line?: number;
  readonly value: Json | RejectedInput;
}

export interface ItemLimits extends BodyLimits {
  /** In one request. */
  readonly eventsMax: number;
  /** Of arrays and objects inside each other. */
  readonly depthMax: number;
}

/** Several times what an event can have; a line is in memory as a whole. */
const LINE_BYTES_MAX = 64 << 10;

/**
 * The items as they arrive, some at a time.
 * @throws RejectedInput `http.empty`, `http.too_many`, and as `chunksOf`; of JSON `json.*`. Lines have
 *   their flaws for themselves.
 */
export async function* itemsOf(context: Context, limits: ItemLimits): AsyncGenerator<Item[]> {
  const [media] = (context.req.header('content-type') ?? '').toLowerCase().split(';');
  const arriving =
    media?.trim() === 'application/x-ndjson' ? linesOf(context, limits) : valuesOf(context, limits);
  let count = 0;
  for await (const items of arriving) {
    count += items.length;
    if (count > limits.eventsMax) {
      const title = `more than ${limits.eventsMax} events; send them in parts`;
      throw new RejectedInput('http.too_many', title);
    }
    yield items;
  }
  if (count === 0) throw new RejectedInput('http.empty', 'there is no event in this');
}

async function* valuesOf(context: Context, limits: ItemLimits): AsyncGenerator<Item[]> {
  const { bodyBytesMax: bytesMax, depthMax } = limits;
  const json = parseJson(await bodyOf(context, limits), { bytesMax, depthMax });
  const values = Array.isArray(json) ? (json as readonly Json[]) : [json];
  yield values.map((value, index) => ({ index, value }));
}

async function* linesOf(context: Context, limits: ItemLimits): AsyncGenerator<Item[]> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  let index = 0;
  const itemsIn = (lines: Iterable<Line>): Item[] => {
    const items: Item[] = [];
    for (const line of lines) {
      if ('text' in line && line.text === '') continue;
      items.push({ index: index++, line: line.number, value: valueOf(line, limits) });
    }
    return items;
  };
  for await (const chunk of chunksOf(context, limits)) yield itemsIn(splitter.push(chunk));
  yield itemsIn(splitter.end());
}

function valueOf(line: Line, { depthMax }: ItemLimits): Json | RejectedInput {
  if ('code' in line) return new RejectedInput(line.code, line.message);
  try {
    return parseJson(line.text, { depthMax });
  } catch (error) {
    if (error instanceof RejectedInput) return error;
    throw error;
  }
}
