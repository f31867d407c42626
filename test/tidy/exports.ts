// Nothing is exported, and no file kept, that nobody outside uses.
import { posix } from 'node:path';
import { homeOf, isProduct, resolveSpecifier } from './tree.ts';
import type { Tree, Violation } from './tree.ts';

/**
 * Every export of a product file is imported somewhere else; passing it on through a barrel is not
 * using it. A type may also live from its own file's signatures: callers rarely write its name.
 */
export function noDeadExports(tree: Tree): Violation[] {
  const used = usedExports(tree);
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (!isProduct(source.path)) continue;
    for (const { name, line, kind, usedInside, from } of source.exports) {
      const passedType = kind === 'type' && from !== undefined;
      if (used.has(`${source.path} ${name}`) || passedType) continue;
      if (kind === 'type' && usedInside) continue;
      found.push({ file: source.path, line, message: `exports ${name}, which nobody imports` });
    }
  }
  return found;
}

/** What reads bytes of others is in its home's table of parsers that are fed nonsense, or named there with the reason why not. */
export function parsersAreFuzzed(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (!isProduct(source.path)) continue;
    const table = `${homeOf(source.path)}/test/fuzz.test.ts`;
    for (const { name, line, kind, from } of source.exports) {
      if (kind !== 'value' || from !== undefined || !PARSER.test(name)) continue;
      if (new RegExp(String.raw`\b${name}\b`).test(tree.files.get(table) ?? '')) continue;
      found.push({ file: source.path, line, message: `exports ${name}, which ${table} lacks` });
    }
  }
  return found;
}

const PARSER = /^(?:parse|decode|read)[A-Z]/;

/** Every product file is an entry point, the script of a page, or imported by a file other than itself. */
export function noDeadFiles(tree: Tree): Violation[] {
  const reached = new Set<string>();
  for (const source of tree.sources.values()) {
    for (const { specifier } of source.imports) {
      const target = resolveSpecifier(tree, source.path, specifier);
      if (target !== undefined && target !== source.path) reached.add(target);
    }
  }
  for (const [path, text] of tree.files) {
    if (!path.endsWith('.html')) continue;
    for (const [, script = ''] of text.matchAll(/<script\b[^>]* src="([^"]+)"/g)) {
      reached.add(posix.join(posix.dirname(path), script));
    }
  }
  const root = tree.manifests.get('.')?.mentions ?? '';
  for (const [folder, manifest] of tree.manifests) {
    for (const entry of manifest.exports.values()) reached.add(posix.join(folder, entry));
    for (const path of tree.sources.keys()) {
      if (!path.startsWith(`${folder}/`)) continue;
      const local = path.slice(folder.length + 1);
      if (manifest.mentions.includes(`/${local}"`) || root.includes(path)) reached.add(path);
    }
  }
  return [...tree.sources.keys()]
    .filter((path) => isProduct(path) && !reached.has(path))
    .map((file) => ({ file, message: 'is imported by nobody and is no entry point' }));
}

function usedExports(tree: Tree): ReadonlySet<string> {
  const used = new Set<string>();
  const use = (file: string, name: string): void => {
    if (used.has(`${file} ${name}`)) return;
    used.add(`${file} ${name}`);
    for (const each of tree.sources.get(file)?.exports ?? []) {
      if (each.from === undefined || (name !== '*' && each.name !== name)) continue;
      const origin = resolveSpecifier(tree, file, each.from.specifier);
      if (origin !== undefined) use(origin, each.from.name);
    }
    if (name === '*')
      for (const each of tree.sources.get(file)?.exports ?? []) use(file, each.name);
  };
  for (const source of tree.sources.values()) {
    for (const { specifier, names, passesOn } of source.imports) {
      const target = resolveSpecifier(tree, source.path, specifier);
      if (target === undefined || passesOn) continue;
      for (const name of names) use(target, name);
    }
  }
  return used;
}
