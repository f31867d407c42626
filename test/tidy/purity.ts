// packages/ take values and return values: no clock, disk, network, randomness or environment, except
// in the adapters listed here. The list is part of the design: it grows only with a reason.
import { boundNames, isReference, lineFinder, nameOf, walk } from './syntax.ts';
import type { Node, SourceFile } from './syntax.ts';
import { isProduct } from './tree.ts';
import type { Tree, Violation } from './tree.ts';

interface Allowance {
  /** Start of the paths it covers: a file, or a folder with its slash. */
  readonly path: string;
  readonly effects: readonly string[];
  readonly reason: string;
}

export const ALLOWED: readonly Allowance[] = [
  {
    path: 'packages/log/src/level-store.ts',
    effects: ['level', 'node:fs/promises'],
    reason: 'adapter of the Log port: opens the LevelDB folder and proves that it can be written',
  },
  {
    path: 'packages/log/src/level.ts',
    effects: ['performance'],
    reason: 'adapter of the Log port: the clock of its retries where none is given',
  },
  {
    path: 'packages/publish/src/files.ts',
    effects: ['node:fs/promises'],
    reason: 'adapter of the publication store: files, fsync, rename',
  },
  {
    path: 'packages/publish/src/lock.ts',
    effects: ['node:net', 'process', 'randomUUID'],
    reason:
      'adapter of the publication store: its lock is a listening socket under a name of its own',
  },
  {
    path: 'packages/client/src/browser.ts',
    effects: ['indexedDB', 'navigator', 'AbortSignal.timeout'],
    reason: 'adapter of the client’s store: the browser’s database, its locks, the wait for one',
  },
  {
    path: 'packages/client/src/files.ts',
    effects: ['node:fs/promises'],
    reason: 'adapter of the client’s store: files',
  },
  {
    path: 'packages/client/src/http.ts',
    effects: ['fetch', 'performance', 'setTimeout'],
    reason: 'adapter of the client’s fetch port: HTTP, and the clock of its patience',
  },
];

/** Built-in modules that only compute. */
const PURE_MODULES = new Set(
  ['assert', 'buffer', 'crypto', 'events', 'path', 'string_decoder', 'util', 'zlib'].map(
    (each) => `node:${each}`,
  ),
);

/** Libraries that open files or sockets by themselves. */
const EFFECT_LIBRARIES = new Set([
  '@hono/node-server',
  'aws4fetch',
  'classic-level',
  'kafkajs',
  'level',
  'pino',
  'prom-client',
]);

const EFFECT_GLOBALS = new Set([
  'EventSource',
  'WebSocket',
  'Worker',
  'console',
  'fetch',
  'globalThis',
  'indexedDB',
  'localStorage',
  'navigator',
  'performance',
  'process',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);

/** Randomness by whatever object it is reached, node:crypto, Web Crypto or noble. */
const RANDOM_NAMES = new Set([
  'generateKey',
  'generateKeyPair',
  'generateKeyPairSync',
  'generateKeySync',
  'getRandomValues',
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomSecretKey',
  'randomUUID',
]);

const EFFECT_MEMBERS = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout']);

/** No effect in packages/ outside the allowed adapters, and no allowance that is not needed. */
export function purity(tree: Tree, allowed: readonly Allowance[] = ALLOWED): Violation[] {
  const found: Violation[] = [];
  const needed = new Set<string>();
  for (const source of tree.sources.values()) {
    if (!isProduct(source.path) || !source.path.startsWith('packages/')) continue;
    if (source.path.startsWith('packages/runtime/')) continue;
    for (const { effect, line } of effectsOf(source)) {
      const allowance = allowed.find(
        (each) => source.path.startsWith(each.path) && each.effects.includes(effect),
      );
      if (allowance) needed.add(`${allowance.path} ${effect}`);
      else found.push({ file: source.path, line, message: `has an effect: ${effect}` });
    }
  }
  for (const { path, effects } of allowed) {
    for (const effect of effects) {
      if (needed.has(`${path} ${effect}`)) continue;
      found.push({ file: path, message: `no longer needs the allowance for ${effect}` });
    }
  }
  return found;
}

interface Effect {
  readonly effect: string;
  readonly line: number;
}

function effectsOf(source: SourceFile): Effect[] {
  const found: Effect[] = [];
  for (const { specifier, typeOnly, names, line } of source.imports) {
    if (typeOnly) continue;
    const builtin = specifier.startsWith('node:') && !PURE_MODULES.has(specifier);
    if (builtin || EFFECT_LIBRARIES.has(specifier)) found.push({ effect: specifier, line });
    for (const name of names) if (RANDOM_NAMES.has(name)) found.push({ effect: name, line });
  }
  const bound = boundNames(source.program);
  const lineOf = lineFinder(source.text);
  walk(source.program, (node, parents) => {
    const effect = effectOf(node, parents, bound);
    if (effect !== undefined) found.push({ effect, line: lineOf(node.start) });
  });
  return found;
}

function effectOf(
  node: Node,
  parents: readonly Node[],
  bound: ReadonlySet<string>,
): string | undefined {
  if (node.type === 'MemberExpression') {
    const property = nameOf(node['property']) ?? '';
    const member = `${nameOf(node['object']) ?? ''}.${property}`;
    if (EFFECT_MEMBERS.has(member)) return member;
    return RANDOM_NAMES.has(property) ? property : undefined;
  }
  const called = node.type === 'NewExpression' || node.type === 'CallExpression';
  if (called && nameOf(node['callee']) === 'Date') {
    const args = node['arguments'];
    return Array.isArray(args) && args.length > 0 ? undefined : 'new Date()';
  }
  if (!isReference(node, parents)) return undefined;
  const name = nameOf(node) ?? '';
  return EFFECT_GLOBALS.has(name) && !bound.has(name) ? name : undefined;
}
