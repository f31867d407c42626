/**
 * The path patterns of delegations: `*` and `?` stand for characters of one segment, everything else for itself.
 * Linear in the pattern for each segment: whoever delegates chooses the patterns, and a regular expression made of
 * one could take for ever.
 * https://theupdateframework.github.io/specification/latest/#pathpattern
 */

export function matchesPattern(path: string, pattern: string): boolean {
  const segments = path.split('/');
  const parts = pattern.split('/');
  return (
    segments.length === parts.length &&
    segments.every((segment, i) => matches(characters(segment), characters(parts[i]!)))
  );
}

/** On a mismatch only the last star takes one character more: those before it have matched all they must. */
export function matches(text: ArrayLike<string>, pattern: ArrayLike<string>): boolean {
  let t = 0;
  let p = 0;
  let star = -1;
  let taken = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** One of two surrogates is no character. */
function characters(text: string): ArrayLike<string> {
  return SURROGATE.test(text) ? Array.from(text) : text;
}

const SURROGATE = /[\ud800-\udfff]/;
