#!/usr/bin/env node
/** The entry of the command line: what was compiled once is kept beside the packages, for quick starts. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const compiled = join(import.meta.dirname, '../../../node_modules/.cache/tidemark');
enableCompileCache(compiled);
// For the threads of the shards.
process.env['NODE_COMPILE_CACHE'] ??= compiled;
await import('./tidemark.ts');
