// A rule disabled in the source text of a module, while a thread loads it: no file is changed, and no
// other thread sees it. A text that is not found exactly once fails, so that a rule cannot move unseen.
import { registerHooks } from 'node:module';

/** One passage of a module, by its path in the repository, and what stands there instead. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** From now on modules come edited; those that are loaded already stay as they are. */
export function installEdits(edits: readonly Edit[]): void {
  const root = new URL('../../', import.meta.url);
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const own = edits.filter(({ file }) => new URL(file, root).href === url);
      if (own.length === 0) return loaded;
      return { ...loaded, source: own.reduce(edited, sourceText(loaded.source)) };
    },
  });
}

function sourceText(source: unknown): string {
  if (typeof source === 'string') return source;
  return Buffer.from(source as Uint8Array).toString();
}

function edited(text: string, { file, from, to }: Edit): string {
  const parts = text.split(from);
  if (parts.length === 2) return parts.join(to);
  throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`);
}
