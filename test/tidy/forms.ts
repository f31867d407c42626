// How files look: their size, their first line, and the TypeScript that type stripping cannot run.
// The length of functions is oxlint's rule (max-lines-per-function in .oxlintrc.json).
import { lineFinder, nameOf, walk } from './syntax.ts';
import { isFixture, isProduct } from './tree.ts';
import type { Tree, Violation } from './tree.ts';

const PRODUCT_LINES_MAX = 300;
const TEST_LINES_MAX = 600;

/** Tools whose configuration must be a default export. */
const DEFAULT_EXPORT_REQUIRED = new Set(['vitest.config.ts', 'vite.config.ts']);

export function fileSizes(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, text } of tree.sources.values()) {
    const limit = isProduct(path) ? PRODUCT_LINES_MAX : TEST_LINES_MAX;
    const lines = text.split('\n').length - 1;
    if (lines > limit) found.push({ file: path, message: `has ${lines} lines, limit ${limit}` });
  }
  return found;
}

/** Somebody who opens a file reads first what it is for. */
export function purposeComments(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const [file, text] of tree.files) {
    if (isFixture(file)) continue;
    const opening = OPENINGS.find(([name]) => name.test(file))?.[1];
    const body = text.replace(/^#!.*\n/, '');
    if (opening && !opening.test(body)) {
      found.push({ file, line: 1, message: 'does not begin with a comment on its purpose' });
    }
  }
  return found;
}

/** No enum, no default export, no `any`, no `export *`; relative imports with their `.ts`. */
export function plainTypeScript(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, text, program, imports } of tree.sources.values()) {
    const lineOf = lineFinder(text);
    walk(program, (node) => {
      const message = FORBIDDEN_NODES.get(node.type);
      const required =
        node.type === 'ExportDefaultDeclaration' && DEFAULT_EXPORT_REQUIRED.has(path);
      if (message && !required) found.push({ file: path, line: lineOf(node.start), message });
    });
    for (const { specifier, line } of imports) {
      if (!specifier.startsWith('.') || /\.(ts|mjs|json)$/.test(specifier)) continue;
      found.push({ file: path, line, message: `imports ${specifier} without its .ts` });
    }
  }
  return found;
}

/** The one place that may ask V8 to read JSON; why is said there. */
const JSON_READER = 'packages/canonical/src/read.ts';

/** JSON from elsewhere is read by `readJson` alone: `JSON.parse` and a response's `json()` may read a wrong name. */
export function oneReader(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, text, program } of tree.sources.values()) {
    if (!isProduct(path) || path === JSON_READER) continue;
    const lineOf = lineFinder(text);
    walk(program, (node) => {
      if (node.type !== 'CallExpression') return;
      const { object, property } = node['callee'] as { object?: unknown; property?: unknown };
      const args = node['arguments'];
      const name = nameOf(property);
      const parses = name === 'parse' && nameOf(object) === 'JSON';
      const reads = name === 'json' && Array.isArray(args) && args.length === 0;
      if (!parses && !reads) return;
      found.push({ file: path, line: lineOf(node.start), message: 'reads JSON without readJson' });
    });
  }
  return found;
}

const OPENINGS: readonly (readonly [RegExp, RegExp])[] = [
  [/\.(ts|mjs|js)$/, /^(\/\/ ?\S|\/\*)/],
  [/\.py$/, /^(# ?\S|""")/],
  [/(\.sh|^\.ci\/[^/]+)$/, /^# ?\S/],
];

const FORBIDDEN_NODES = new Map([
  ['TSEnumDeclaration', 'declares an enum'],
  ['TSModuleDeclaration', 'declares a namespace'],
  ['TSParameterProperty', 'has a parameter property'],
  ['TSAnyKeyword', 'uses any'],
  ['TSExportAssignment', 'uses export ='],
  ['ExportDefaultDeclaration', 'has a default export'],
  ['ExportAllDeclaration', 'passes on everything: name the exports'],
]);
