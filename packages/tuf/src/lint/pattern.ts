/** Which target paths a delegation by `paths` covers. */

/**
 * `*` stands for any characters of one segment, as in python-tuf, go-tuf and tuf-js; other characters for themselves.
 * https://theupdateframework.github.io/specification/latest/#delegation-role-path
 */
export function matchesPatterns(patterns: readonly string[], path: string): boolean {
  const segments = path.split('/');
  return patterns.some((pattern) => {
    const parts = pattern.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, i) => matchesSegment(part, segments[i] ?? ''))
    );
  });
}

/** The pieces between stars in order, the first at the start, the last at the end: no backtracking, so no blow-up. */
function matchesSegment(part: string, segment: string): boolean {
  const pieces = part.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return segment === first;
  const last = pieces.at(-1) ?? '';
  if (segment.length < first.length + last.length) return false;
  if (!segment.startsWith(first) || !segment.endsWith(last)) return false;
  let at = first.length;
  const end = segment.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = segment.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
