// The test projects. test/run.ts runs them in turn; `npm run check` runs `tidy` alone.
import { defineConfig } from 'vitest/config';

const LONG = '**/*.long.test.ts';
const PACKAGES = '{packages,services}/*/test/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
      {
        test: {
          name: 'packages',
          include: [PACKAGES],
          exclude: [LONG],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts', LONG],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'long',
          include: [`{packages,services}/*/test/${LONG}`, `test/${LONG}`],
          testTimeout: 3_600_000,
          hookTimeout: 300_000,
        },
      },
    ],
    // One worker per core: the suites start real processes, and CI has two cores.
    maxWorkers: 2,
  },
});
