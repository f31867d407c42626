/** Every bin's version at one cut, six bytes each: what a start reads before the markers behind it. */
import { BrokenInvariant } from '@tidemark/canonical';
import type { Heads } from './heads.ts';

export function encodeHeads(heads: Heads): Buffer {
  const image = Buffer.allocUnsafe(heads.count * 6);
  for (let i = 0; i < heads.count; i++) image.writeUIntBE(heads.versions[i]!, i * 6, 6);
  return image;
}

/** @throws BrokenInvariant `state.heads` where the image is of another shape */
export function decodeHeads(image: Buffer, count: number): Float64Array {
  if (image.length !== count * 6) {
    throw new BrokenInvariant('state.heads', `an image of ${image.length / 6} bins, not ${count}`);
  }
  return Float64Array.from({ length: count }, (_, i) => image.readUIntBE(i * 6, 6));
}
