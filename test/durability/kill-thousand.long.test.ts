// The same as kill.test.ts, for longer.
import { test } from 'vitest';
import { killAndCompare } from './killComparison.ts';

test('1,000 kills', () => killAndCompare(1000));
