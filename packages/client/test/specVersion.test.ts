/** Which versions of the specification a client follows: all of 1.x, in every role. */
import type { Json } from '@tidemark/canonical';
import { describe, expect, test } from 'vitest';
import { FIRST, withstood } from './attack.ts';
import { repository, type Repository } from './repository.ts';

const ROLES = ['root', 'timestamp', 'snapshot', 'targets'];
const FOLLOWED = ['1.0', '1.0.0', '1.0.34', '1.1', '1.1.7', '1.20.300'];
const REFUSED: readonly Json[] = [
  '2.0',
  '2.0.0',
  '0.9',
  '10.0',
  '11.0.0',
  '',
  '1',
  '1.',
  '.1',
  '1.0.',
  '1.0.0.0',
  'v1.0',
  '1.0-rc1',
  ' 1.0',
  '1.0 ',
  '1.0\n',
  '1.x',
  '1.-1',
  1,
  true,
  null,
  ['1.0'],
  { 1: 0 },
];
/** What is trusted by then. */
const MOVED: Readonly<Record<string, string[]>> = {
  root: [],
  timestamp: [],
  snapshot: ['timestamp'],
  targets: ['snapshot', 'timestamp'],
};

describe.each(ROLES)('%s', (role) => {
  test.each(FOLLOWED)('of %s', async (version) => {
    const repo = repository();
    publishAs(repo, role, version);
    expect((await (await repo.client()).target(FIRST))?.path).toBe(FIRST);
  });

  test.each(REFUSED.map((version) => [JSON.stringify(version), version] as const))(
    'of %s is refused',
    async (_, version) => {
      await withstood({
        spoil: (repo) => publishAs(repo, role, version),
        code: 'tuf.spec_version',
        moved: MOVED[role]!,
      });
    },
  );
});

function publishAs(repo: Repository, role: string, version: Json): void {
  repo.alter = (name, signed) => (name === role ? { ...signed, spec_version: version } : signed);
  if (role === 'root') repo.publishRoot();
  repo.publishTargets('targets');
  repo.publish();
}
