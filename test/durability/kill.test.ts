// SIGKILL at random moments of uploads: no acknowledged event is lost (I1), none is applied twice (I2),
// and what was published is what the logs give (I5).
import { test } from 'vitest';
import { killAndCompare } from './killComparison.ts';

test('100 kills', { timeout: 15 * 60_000 }, () => killAndCompare(100));
