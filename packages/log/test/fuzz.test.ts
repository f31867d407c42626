// Every parser of this package on spoilt input.
import { BrokenInvariant } from '@tidemark/canonical';
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import { decodeEnds, encodeEnds, endsKey, openValue, sealValue } from '../src/level-format.ts';

/** `readAll`, of the contract, reads a log through its port. */
const ENDS = [0, 7, 2 ** 40];

fuzz([
  parser({
    name: 'decodeEnds',
    samples: [sealValue(endsKey, encodeEnds(ENDS))],
    read: (value) => {
      const bytes = openValue(endsKey, value);
      if (bytes === undefined) throw new BrokenInvariant('log.test', 'not what was stored');
      return decodeEnds(bytes);
    },
    kind: 'BrokenInvariant',
    refusals: /^log\.test$/,
    write: (ends) => sealValue(endsKey, encodeEnds(ends)),
    demand: (ends) => {
      if (ends.join() !== ENDS.join()) throw new Error('the checksum has let it pass');
    },
  }),
  parser({
    name: 'decodeEnds, without the checksum',
    samples: [encodeEnds(ENDS)],
    read: decodeEnds,
    write: encodeEnds,
  }),
]);
