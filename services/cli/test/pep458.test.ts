/** PEP 458's own figures. */
import { describe, expect, test } from 'vitest';
import { PEP_CONSTANTS, pepValues } from '../src/bins/pep458.ts';

describe('PEP 458, table 3 (P30, P31)', () => {
  test('follows from table 2', () => {
    expect(pepValues(PEP_CONSTANTS)).toEqual({
      V1: 4,
      V2: 65_536,
      V3: 139,
      V4: 17_792,
      V5: 35_584,
      V6: 973,
      V7: 54_349,
      V8: 1_048_576,
      V9: 262_144,
      V10: 1_310_720,
      V11: 98_304,
      V12: 108_698,
      V13: 5,
      V14: 207_002,
      V15: 9,
      V16: 1_517_722,
      V17: 69,
    });
  });

  test('table 2 is the published one', () => {
    expect(Object.values(PEP_CONSTANTS)).toEqual([
      128, 64, 128, 64, 256, 7, 6, 2_273_539, 2_184_393, 16_384,
    ]);
    // C9 is the mean of what was downloaded and what lies on disk.
    expect(PEP_CONSTANTS.C9).toBe((1_628_321 + 2_740_465) / 2);
  });

  test('ten times the targets cost 50 to 54 %, and 114 % for new users (P32)', () => {
    const { V13, V15, V17 } = pepValues({ ...PEP_CONSTANTS, C8: 10 * PEP_CONSTANTS.C8 });
    expect([V13, V15, V17]).toEqual([50, 54, 114]);
  });

  test('a power of 16 as the number of bins has no digit too many', () => {
    for (let digits = 1; digits <= 5; digits++) {
      expect(pepValues({ ...PEP_CONSTANTS, C10: 16 ** digits }).V1).toBe(digits);
      expect(pepValues({ ...PEP_CONSTANTS, C10: 2 * 16 ** digits }).V1).toBe(digits + 1);
    }
  });
});
