// What runs in browsers reaches nothing that only Node has, however many imports away.
import { posix } from 'node:path';
import { boundNames, isReference, lineFinder, nameOf, walk } from './syntax.ts';
import type { SourceFile } from './syntax.ts';
import { isProduct, resolveSpecifier } from './tree.ts';
import type { Tree, Violation } from './tree.ts';

/** Globals of Node that a browser lacks. */
const NODE_GLOBALS = new Set(['Buffer', '__dirname', '__filename', 'global', 'process', 'require']);

/** No module and no global of Node behind an entry that is for browsers. */
export function browsersNeedNoNode(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const entryOf = new Map(browserEntries(tree).map((entry) => [entry, entry]));
  // A map goes on with what is added while it is walked.
  for (const [path, entry] of entryOf) {
    const source = tree.sources.get(path);
    if (source === undefined) continue;
    for (const { specifier, typeOnly, line } of source.imports) {
      if (typeOnly) continue;
      if (specifier.startsWith('node:')) {
        found.push({ file: path, line, message: `imports ${specifier}, for browsers by ${entry}` });
      }
      const target = resolveSpecifier(tree, path, specifier);
      if (target !== undefined && !entryOf.has(target)) entryOf.set(target, entry);
    }
    for (const { name, line } of nodeGlobals(source)) {
      found.push({ file: path, line, message: `uses ${name}, for browsers by ${entry}` });
    }
  }
  return found;
}

/** Scripts of pages; and of a package with a `./browser`, that and the main entry. */
function browserEntries(tree: Tree): string[] {
  const found: string[] = [];
  for (const [path, text] of tree.files) {
    if (!path.endsWith('.html') || !isProduct(path)) continue;
    for (const [, script = ''] of text.matchAll(/<script\b[^>]* src="([^"]+)"/g)) {
      found.push(posix.join(posix.dirname(path), script));
    }
  }
  for (const [folder, { exports }] of tree.manifests) {
    if (!exports.has('./browser')) continue;
    for (const entry of ['.', './browser']) {
      const path = exports.get(entry);
      if (path !== undefined) found.push(posix.join(folder, path));
    }
  }
  return found;
}

function nodeGlobals({ program, text }: SourceFile): { name: string; line: number }[] {
  const bound = boundNames(program);
  const lineOf = lineFinder(text);
  const found: { name: string; line: number }[] = [];
  walk(program, (node, parents) => {
    const name = nameOf(node) ?? '';
    if (!isReference(node, parents) || !NODE_GLOBALS.has(name) || bound.has(name)) return;
    found.push({ name, line: lineOf(node.start) });
  });
  return found;
}
