/** The documents that are made from the sources, by their name in docs/. */
import { configurationDocument } from '../config/document.ts';

export const DOCUMENTS: ReadonlyMap<string, () => string> = new Map([
  ['configuration.md', configurationDocument],
]);
