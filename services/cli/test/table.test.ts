/** Amounts and tables as people read them. */
import { describe, expect, test } from 'vitest';
import { amount, tableOf } from '../src/commands/table.ts';

describe('in print', () => {
  test.each([
    [0, '0 B'],
    [999.4, '999 B'],
    [999.6, '1.00 kB'],
    [1234, '1.23 kB'],
    [999_600, '1.00 MB'],
    [10_921_965_000_000, '10.9 TB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(amount(bytes)).toBe(text);
  });

  test('columns are as wide as their widest cell', () => {
    const rows = [
      ['1', '22'],
      ['333', '4'],
    ];
    expect(tableOf([['a', 'b']], rows)).toEqual(['  a   b', '  1  22', '333   4']);
    expect(tableOf([['a', 'b']], rows, 'names first')).toEqual(['a     b', '1    22', '333   4']);
  });
});
