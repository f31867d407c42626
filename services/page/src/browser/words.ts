/** Times and counts for people. */

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `3 minutes ago`, `in 335 days`, `just now`. */
export function relative(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? UNITS[3];
  const count = Math.floor(Math.abs(ms) / size);
  if (count === 0) return 'just now';
  const text = plural(count, unit);
  return ms > 0 ? `in ${text}` : `${text} ago`;
}

/** `1 change`, `1,200 changes`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
