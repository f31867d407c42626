/** Target paths: clients put them unencoded into URLs and file names, so only the harmless are accepted. */

import { RejectedInput } from '@tidemark/canonical';

/** A path that {@link checkTargetPath} accepted. */
export type TargetPath = string & { readonly [brand]: 'TargetPath' };
declare const brand: unique symbol;

export const pathBytesMax = 512;
export const pathSegmentsMax = 16;

/**
 * Accepts 1 to 16 segments of `[A-Za-z0-9._+~!-]`, none starting with a dot, joined by `/`, at most 512 bytes.
 * @throws RejectedInput `path.empty`, `path.too_long`, `path.charset`, `path.absolute`, `path.empty_segment`,
 *   `path.dot_segment`, `path.too_deep`, `path.reserved`
 */
export function checkTargetPath(path: string): TargetPath {
  const refuse = (code: string, message: string): never => {
    throw new RejectedInput(code, message);
  };
  if (path === '') refuse('path.empty', 'a target path is empty');
  if (path.length > pathBytesMax) refuse('path.too_long', `longer than ${pathBytesMax} bytes`);
  if (!CHARSET.test(path)) refuse('path.charset', 'a character outside A-Z a-z 0-9 . _ + ~ ! - /');
  if (path.startsWith('/')) refuse('path.absolute', 'a target path is relative');
  const segments = path.split('/');
  if (segments.includes('')) refuse('path.empty_segment', 'an empty segment');
  // "." and ".." climb in URLs, and the glob `*` of tuf-js does not match any other leading dot either.
  if (segments.some((segment) => segment.startsWith('.'))) {
    refuse('path.dot_segment', 'a segment starts with a dot');
  }
  if (segments.length > pathSegmentsMax) {
    refuse('path.too_deep', `more than ${pathSegmentsMax} segments`);
  }
  if (isReservedPath(path))
    refuse('path.reserved', 'JavaScript’s objects have a member of that name');
  return path as TargetPath;
}

/** Whether a path, of one segment, names a member that every object of JavaScript has: tuf-js would find that. */
export function isReservedPath(path: string): boolean {
  return RESERVED.has(path);
}

/** A path as it stands in a URL: its segments percent-encoded, as `+` is a blank to some. */
export function pathInUrl(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const CHARSET = /^[A-Za-z0-9._+~!/-]*$/;

/**
 * Members of JavaScript's `Object.prototype`. tuf-js looks a path up in a plain object: it finds these where they are not
 * listed, and `__proto__` not even where it is. A path with a `/` is none of them. A list of its own, as what is accepted
 * must not depend on the engine.
 */
const RESERVED: ReadonlySet<string> = new Set([
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'toString',
  'valueOf',
]);
