/** Names in the store: relative URL paths that are also safe as paths of files. */

import { BrokenInvariant, RejectedInput } from '@tidemark/canonical';
import { fileBytesMax } from './store.ts';

const nameBytesMax = 512;
const segmentsMax = 16;
/** A file system's usual limit of 255, less what a temporary name may add. */
const segmentBytesMax = 240;

/** No dot in front: so neither `..` nor what an adapter keeps beside the files. ASCII only: bytes are characters. */
const SEGMENT = /^[A-Za-z0-9_%][A-Za-z0-9_%.~+@=-]*$/;

/** @throws RejectedInput `publish.name` */
export function checkName(name: string): void {
  const segments = name.split('/');
  const safe = segments.every((it) => SEGMENT.test(it) && it.length <= segmentBytesMax);
  if (!safe || segments.length > segmentsMax || name.length > nameBytesMax) {
    throw new RejectedInput('publish.name', `not a name in the store: ${JSON.stringify(name)}`);
  }
}

/** @throws BrokenInvariant `publish.not_removable` */
export function checkRemovable(name: string): void {
  const [, role] = /^(?:.*\/)?[0-9]+\.([^/]+)\.json$/.exec(name) ?? [];
  if (role === undefined || role === 'root') {
    throw new BrokenInvariant('publish.not_removable', `${name} is kept for ever`);
  }
}

/** @throws BrokenInvariant `publish.too_large` */
export function checkSize(name: string, bytes: Uint8Array): void {
  if (bytes.length > fileBytesMax) {
    throw new BrokenInvariant('publish.too_large', `${name} has ${bytes.length} bytes`);
  }
}

/** @throws BrokenInvariant `publish.version` */
export function checkVersion(name: string, version: number): void {
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new BrokenInvariant('publish.version', `version ${version} of ${name}`);
  }
}

export function conflict(name: string, why: string): BrokenInvariant {
  return new BrokenInvariant('publish.conflict', `${name}: ${why}`);
}
