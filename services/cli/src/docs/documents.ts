/** The documents that are made from the sources, by their name in docs/. */
import { configurationDocument } from '../config/document.ts';
import { metricsDocument } from '../operations/document.ts';

export const DOCUMENTS: ReadonlyMap<string, () => string | Promise<string>> = new Map<
  string,
  () => string | Promise<string>
>([
  ['configuration.md', configurationDocument],
  ['metrics.md', metricsDocument],
]);
