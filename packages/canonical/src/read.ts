/**
 * What a JSON text says, member names included.
 *
 * V8 since 12.8 may read an escaped member name as one that the process met before: after `{"a":1,"\\":1}`, `{"a":1,"\"":1}`
 * comes back with the name `\` (https://github.com/nodejs/node/issues/63785). Two readers of one log would then fold two
 * states. Strings that are no names are read right, so a text with an escaped name is read with its names as strings.
 */

import { RejectedInput } from './failure.ts';
import type { Json, JsonObject } from './json.ts';

const depthMaxDefault = 64;

/**
 * The value of a JSON text; of equal members the last counts.
 * @param depthMax how many arrays and objects may stand inside each other where a member name is escaped
 * @throws RejectedInput `json.syntax`, `json.too_deep`
 */
export function readJson(text: string, depthMax: number = depthMaxDefault): Json {
  const value = parse(text);
  return hasEscapedName(text) ? valueOfTagged(parse(taggedText(text)), depthMax) : value;
}

/** Index of the quote that ends the string starting at `start`, or the text's length if none does. */
export function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    i += code === BACKSLASH ? 2 : 1;
  }
  return text.length;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new RejectedInput('json.syntax', 'not JSON', { cause });
  }
}

function hasEscapedName(text: string): boolean {
  let escape = text.indexOf('\\');
  for (let i = text.indexOf('"'); i >= 0 && escape >= 0; i = text.indexOf('"', i + 1)) {
    const end = stringEnd(text, i);
    if (escape < end) {
      if (text.charCodeAt(nextToken(text, end + 1)) === COLON) return true;
      escape = text.indexOf('\\', end);
    }
    i = end;
  }
  return false;
}

const OBJECT = 0;
const ARRAY = 1;

/** A valid text, written with arrays alone: `{"a":[1]}` becomes `[0,"a",[1,1]]`, tagged with what each was. */
function taggedText(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  const replace = (at: number, by: string): void => {
    parts.push(text.slice(copied, at), by);
    copied = at + 1;
  };
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = stringEnd(text, i);
    else if (code === COLON) replace(i, ',');
    else if (code === BRACE_CLOSE) replace(i, ']');
    else if (code === BRACE_OPEN || code === BRACKET_OPEN) {
      const next = text.charCodeAt(nextToken(text, i + 1));
      const comma = next === BRACE_CLOSE || next === BRACKET_CLOSE ? '' : ',';
      replace(i, `[${code === BRACE_OPEN ? OBJECT : ARRAY}${comma}`);
    }
  }
  parts.push(text.slice(copied));
  return parts.join('');
}

function valueOfTagged(tagged: Json, depthMax: number): Json {
  if (!Array.isArray(tagged)) return tagged;
  if (depthMax < 1) throw new RejectedInput('json.too_deep', 'nested too deeply');
  const [tag, ...items] = tagged as readonly Json[];
  if (tag === ARRAY) return items.map((item) => valueOfTagged(item, depthMax - 1));
  const members: [string, Json][] = [];
  for (let i = 0; i < items.length; i += 2) {
    members.push([items[i] as string, valueOfTagged(items[i + 1] as Json, depthMax - 1)]);
  }
  return Object.fromEntries(members) satisfies JsonObject;
}

function nextToken(text: string, from: number): number {
  let i = from;
  while (SPACE.has(text.charCodeAt(i))) i++;
  return i;
}

const SPACE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20]);
const QUOTE = 0x22;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
