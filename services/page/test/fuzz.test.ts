// Every parser of this service on spoilt input.
import { fuzz, parser } from '../../../test/support/fuzz.ts';
import { parseAnswer } from '../src/evidence.ts';

/** Of `readPage`: files that this project has built. */
const LISTED = { length: 7, hashes: { sha256: 'ab'.repeat(32) }, custom: { yanked: true } };

fuzz([
  parser({
    name: 'parseAnswer',
    samples: [LISTED, null].map((target) =>
      JSON.stringify({ path: 'a/b', snapshot: 3, role: 'bin-1', version: 9, target }),
    ),
    read: parseAnswer,
    refusals: /^(?:json\.[a-z0-9_]+|page\.answer)$/,
    demand: ({ target }) => {
      if (target === undefined) return;
      const types = [typeof target.length, typeof target.sha256];
      if (types.join() !== 'number,string') throw new Error(types.join());
    },
    write: ({ role, version, target }) => {
      const { length, sha256 } = target ?? {};
      const listed = target === undefined ? null : { length, hashes: { sha256 } };
      return JSON.stringify({ role, version, target: listed });
    },
  }),
]);
