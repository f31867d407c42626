/** Member names are what the text says, whatever this process read before. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, readJson } from '../src/index.ts';

/** What was read first, and the text that V8 then reads with the name before it. */
const PAIRS = [
  ['{"a":1,"\\\\":1}', '{"a":1,"\\"":1}'],
  ['{"b":1,"x\\\\":1}', '{"b":1,"x\\n":1}'],
  ['{"c":1,"\\\\\\"":1}', '{"c":1,"\\"/":1}'],
  [
    '[{"d":[],"\\\\":{}}]',
    ' [ { "d" : [ ] , "\\"" : { } , "e" : [ [ ] , { "\\u0041" : "{:}" } ] } ] ',
  ],
] as const;

describe('readJson', () => {
  it.each(PAIRS)('after %s still reads %s', (before, text) => {
    readJson(before);
    const written = JSON.stringify(readJson(text));
    expect(written).toBe(text.replaceAll(' ', '').replace('\\u0041', 'A'));
    expect(JSON.stringify(parseJson(text))).toBe(written);
  });

  it('reads names of any kind, in any order of any texts', () => {
    const name = fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n', 'u', 'é'), maxLength: 3 });
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(0, '', '\\":{', null, []),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(name, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1), (each, indent) => {
        const text = JSON.stringify(each, null, indent);
        expect(JSON.stringify(readJson(text), null, indent)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  it('keeps the last of equal members, and __proto__ as a member', () => {
    expect(readJson('{"\\"":1,"b":2,"\\u0022":3}')).toEqual({ '"': 3, b: 2 });
    const value = readJson('{"\\"":1,"__proto__":{"a":1}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(['"', '__proto__']);
  });

  it('refuses what is no JSON, and depth without end', () => {
    expect(() => readJson('{"\\"",1}')).toThrow('not JSON');
    const deep = `${'['.repeat(100_000)}{"\\"":1}${']'.repeat(100_000)}`;
    expect(() => readJson(deep)).toThrow('nested too deeply');
  });
});
