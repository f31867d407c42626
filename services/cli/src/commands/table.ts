/** Figures, and tables of them, in plain text. */

/**
 * @param headers lines of column titles
 * @param order whether the first column holds names, which stand on the left, or figures like the others
 * @returns a line for each row, columns of equal width
 */
export function tableOf(
  headers: readonly (readonly string[])[],
  rows: readonly (readonly string[])[],
  order: 'figures' | 'names first' = 'figures',
): string[] {
  const all = [...headers, ...rows];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all.map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return order === 'names first' && column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** With separators; small ones with a fraction. */
export function count(n: number): string {
  return n.toLocaleString('en-US', { maximumFractionDigits: n < 10 ? 2 : 0 });
}

/** @param share 1 is 100 % */
export function percent(share: number): string {
  const value = share * 100;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 })} %`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** Bytes with three digits that count. */
export function amount(bytes: number): string {
  // Rounded first: 999,600 is 1.00 MB, not 1000 kB.
  const rounded = Number(bytes.toPrecision(3));
  if (rounded < 1000) return `${Math.round(bytes)} B`;
  const power = Math.min(Math.floor(Math.log10(rounded) / 3), UNITS.length - 1);
  return `${(rounded / 1000 ** power).toPrecision(3)} ${UNITS[power]}`;
}

/** Broken between words. */
export function wrapped(text: string): string {
  return text.replaceAll(/(.{1,112})(?: |$)/g, '$1\n').trimEnd();
}
