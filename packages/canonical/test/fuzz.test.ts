// Every parser of this package on spoilt input.
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import {
  canonicalText,
  fromHex,
  fromUtf8,
  parseCanonical,
  parseJson,
  readJson,
  recordText,
  toHex,
  utf8,
} from '../src/index.ts';

const TEXTS = [
  '{"a":[1,-2,{"b":"\\u00e9\\n"}],"c":null,"d":true,"e":{}}',
  '{"\\u0061":1,"b":{"\\"":"\\ud83d\\ude00"}}',
  '[[[[[[[[[[0]]]]]]]]]]',
  ' "text" ',
  '9007199254740991',
];

fuzz([
  parser({
    name: 'parseJson',
    samples: TEXTS,
    read: (bytes) => parseJson(bytes),
    refusals: /^json\.(?:utf8|bom|syntax|duplicate_key|number|surrogate|too_deep)$/,
    write: recordText,
  }),
  parser({
    name: 'parseJson of text',
    samples: TEXTS.map((text) => Buffer.from(text, 'utf16le')),
    read: (bytes) => parseJson(bytes.toString('utf16le', 0, bytes.length & ~1)),
    refusals: /^json\.(?:bom|syntax|duplicate_key|number|surrogate|too_deep)$/,
    write: (value) => Buffer.from(recordText(value), 'utf16le'),
  }),
  parser({
    name: 'parseCanonical',
    samples: ['{"a":[1,{"b":"\n\\""}],"c":"é"}', '[]', '"\u0000"'],
    read: (bytes) => parseCanonical(bytes),
    refusals: /^json\.(?:utf8|bom|syntax|duplicate_key|number|surrogate|too_deep|not_canonical)$/,
    write: canonicalText,
    spell: canonicalText,
    // One value has one spelling.
    demand: (value, bytes) => {
      if (canonicalText(value) !== bytes.toString()) throw new Error('it has two spellings');
    },
  }),
  parser({
    name: 'readJson',
    samples: [...TEXTS, '1.5e3', '{"a":1,"a":2}'],
    read: (bytes) => readJson(bytes.toString()),
    // What numbers may be is for others to say: `1e400` is read as what it is to JSON.parse.
    refusals: /^json\.(?:syntax|too_deep)$/,
  }),
  parser({
    name: 'fromUtf8',
    samples: ['aé€😀\ufeff'],
    read: fromUtf8,
    refusals: /^bytes\.utf8$/,
    write: utf8,
  }),
  parser({
    name: 'fromHex',
    samples: ['00ff19af', ''],
    read: (bytes) => fromHex(bytes.toString('latin1')),
    refusals: /^bytes\.hex$/,
    write: toHex,
  }),
]);
