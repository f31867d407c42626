/** Builds the page: `npm ci` runs this as the `prepare` script. */
import { join } from 'node:path';
import { build } from 'vite';
import { BUILT } from './built.ts';

await build({
  root: join(import.meta.dirname, 'browser'),
  configFile: false,
  logLevel: 'warn',
  // Relative, so that the page also works below a path of some proxy.
  base: './',
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    assetsDir: 'page',
    target: 'es2022',
    // Data URLs in scripts and styles are what the content security policy is there to keep out.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
