/** The built page as files in memory, for whoever serves it. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { BUILT } from './built.ts';

export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface Page {
  readonly html: Uint8Array;
  /** By name; a name contains a hash of its content. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** The page; undefined where it was not built, as after `npm ci --ignore-scripts`. */
export async function readPage(built = BUILT): Promise<Page | undefined> {
  const folder = join(built, 'page');
  const assets = new Map<string, PageFile>();
  try {
    const html = await readFile(join(built, 'index.html'));
    for (const name of await readdir(folder)) {
      const type = TYPES[extname(name)];
      if (type !== undefined) assets.set(name, { type, bytes: await readFile(join(folder, name)) });
    }
    return { html, assets };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
