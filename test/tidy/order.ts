// Who may import whom: the order of the flow, by package name only, and manifests that say exactly that.
import { posix } from 'node:path';
import { homeOf, isProduct, splitSpecifier } from './tree.ts';
import type { Manifest, Tree, Violation } from './tree.ts';

const SCOPE = '@tidemark/';

/** The flow. Each member may import those before it and none after. */
const FLOW: readonly string[] = [
  'packages/canonical',
  'packages/tuf',
  'packages/event',
  'packages/log',
  'packages/bin',
  'packages/merkle',
  'packages/ledger',
  'packages/publish',
  'packages/client',
  'packages/runtime',
  'services/intake',
  'services/shard',
  'services/publisher',
  'services/mirror',
  'services/auditor',
  'services/gateway',
  'services/page',
  'services/cli',
];

/** A package or service imports only what comes before it in the flow. */
export function flowOrder(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const folder of tree.manifests.keys()) {
    if (folder !== '.' && !FLOW.includes(folder)) {
      found.push({ file: `${folder}/package.json`, message: 'has no place in the flow order' });
    }
  }
  for (const source of tree.sources.values()) {
    const home = FLOW.indexOf(homeOf(source.path));
    if (home === -1) continue;
    for (const { specifier, line } of source.imports) {
      const name = splitSpecifier(specifier)?.[0];
      if (name === undefined || !name.startsWith(SCOPE)) continue;
      const theirs = FLOW.findIndex((each) => posix.basename(each) === name.slice(SCOPE.length));
      // A package's tests may use it by its own name.
      if (theirs === home && !isProduct(source.path)) continue;
      if (theirs === -1 || theirs >= home) {
        found.push({ file: source.path, line, message: `imports ${name}, which is not before it` });
      }
    }
  }
  return found;
}

/** Another package is reached by its name, never by a path into its files. */
export function noImportAcross(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    for (const { specifier, line } of source.imports) {
      if (!specifier.startsWith('.')) continue;
      const target = posix.join(posix.dirname(source.path), specifier);
      const shared = target.startsWith('test/support/') && !isProduct(source.path);
      const escapes = isProduct(source.path) && !target.startsWith(`${homeOf(source.path)}/src/`);
      if ((homeOf(target) !== homeOf(source.path) && !shared) || escapes) {
        found.push({ file: source.path, line, message: `reaches across to ${target}` });
      }
    }
  }
  return found;
}

/** A manifest lists exactly what its files, style sheets too, import; tests may use the root's tools too. */
export function manifestsMatchImports(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const anywhere = new Set([...tree.manifests.values()].flatMap((each) => listed(each)));
  const inProduct = new Set<string>();
  const inTests = new Set<string>();
  for (const source of tree.sources.values()) {
    const home = homeOf(source.path) || '.';
    const manifest = tree.manifests.get(home);
    if (manifest === undefined) continue;
    const product = isProduct(source.path);
    const root = tree.manifests.get('.');
    const own = new Set(product ? manifest.dependencies.keys() : listed(manifest, root));
    const allowed = home === '.' ? anywhere : own;
    for (const { specifier, line } of source.imports) {
      const name = splitSpecifier(specifier)?.[0];
      if (name === undefined) continue;
      (product ? inProduct : inTests).add(`${home} ${name}`);
      if (allowed.has(name)) continue;
      const message = `imports ${name}, which ${manifest.path} does not list`;
      found.push({ file: source.path, line, message });
    }
  }
  for (const [path, text] of tree.files) {
    if (!path.endsWith('.css') || !isProduct(path)) continue;
    for (const [, specifier = ''] of text.matchAll(/^@import '([^']+)'/gm)) {
      inProduct.add(`${homeOf(path)} ${splitSpecifier(specifier)?.[0]}`);
    }
  }
  for (const [folder, { path: file, dependencies, devDependencies }] of tree.manifests) {
    if (folder === '.') continue;
    for (const name of dependencies.keys()) {
      if (PEERS.has(name)) continue;
      if (inProduct.has(`${folder} ${name}`)) continue;
      found.push({ file, message: `lists ${name}, which no file in src imports` });
    }
    for (const name of devDependencies.keys()) {
      if (inTests.has(`${folder} ${name}`)) continue;
      found.push({ file, message: `lists ${name}, which no test imports` });
    }
  }
  return found;
}

function listed(...manifests: readonly (Manifest | undefined)[]): string[] {
  return manifests.flatMap((each) =>
    each ? [each.name, ...each.dependencies.keys(), ...each.devDependencies.keys()] : [],
  );
}

/** Listed because something that is imported asks for it: `@commander-js/extra-typings` is types over `commander`. */
const PEERS: ReadonlySet<string> = new Set(['commander']);
