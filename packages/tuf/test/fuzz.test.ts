// Every parser of this package on spoilt input.
import { parseJson, recordText, type Json } from '@tidemark/canonical';
import { fuzz, parser, type Parser } from '../../../test/support/fuzz.ts';
import {
  checkTargetPath,
  formatExpires,
  parseExpires,
  parseKey,
  parseMetadata,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type Envelope,
  type Signed,
} from '../src/index.ts';
import { buildDemo } from './demo.ts';
import { keyOf } from './samples.ts';

/**
 * The others read parts of these: `readObject`, `readArray`, `readString`, `readBoolean`, `readInteger`, `readKeys`, `readRole`,
 * `readDelegations` and `readStatement`.
 */
const files = [...buildDemo('succinct'), ...buildDemo('prefixes')];
const REFUSALS = /^(?:json|tuf)\.[a-z_0-9]+$/;

function role(name: string, file: RegExp, read: (bytes: Uint8Array) => Envelope<Signed>): Parser {
  return parser({
    name,
    samples: files.filter(([path]) => file.test(path)).map(([, bytes]) => bytes),
    read,
    refusals: REFUSALS,
    // Fields that nobody knows are kept, so a file that was read is written as it was.
    write: ({ json }) => recordText(json),
    spell: recordText,
    share: 0.5,
  });
}

fuzz([
  role('parseRoot', /root\.json$/, parseRoot),
  role('parseTargets', /(?:targets|bins?|bin-[0-9a-f]+)\.json$/, parseTargets),
  role('parseSnapshot', /snapshot\.json$/, parseSnapshot),
  role('parseTimestamp', /timestamp\.json$/, parseTimestamp),
  role('parseMetadata', /\.json$/, parseMetadata),
  parser({
    name: 'parseKey',
    samples: [1, 2, 3].map((byte) => recordText(keyOf(byte) as unknown as Json)),
    read: (bytes) => parseKey(parseJson(bytes)),
    refusals: REFUSALS,
    write: (key) => recordText(key as unknown as Json),
  }),
  parser({
    name: 'parseExpires',
    samples: ['2027-01-31T23:59:59Z', '9999-12-31T00:00:00Z', '2028-02-29T12:00:00Z'],
    read: (bytes) => parseExpires(bytes.toString('latin1')),
    refusals: /^tuf\.expires$/,
    write: formatExpires,
  }),
  parser({
    name: 'checkTargetPath',
    samples: ['a', 'pool/main/b/baz/baz_1~2+3.deb', 'simple/numpy/index.html'],
    read: (bytes) => checkTargetPath(bytes.toString()),
    refusals: /^path\.(?:empty|too_long|too_deep|charset|absolute|empty_segment|dot_segment)$/,
    write: (path) => path,
  }),
]);
