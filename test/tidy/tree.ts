// The repository as a value: every committed file's text, the parsed sources, the manifests.
// Rules are functions of it, so that a few lines of text make a bad example to try them on.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSource } from './syntax.ts';
import type { SourceFile } from './syntax.ts';

export interface Manifest {
  readonly path: string;
  readonly name: string;
  readonly dependencies: ReadonlyMap<string, string>;
  readonly devDependencies: ReadonlyMap<string, string>;
  /** Entry points by subpath: `.` → `./src/index.ts`. */
  readonly exports: ReadonlyMap<string, string>;
  /** Files named in `bin` and in npm scripts, relative to the manifest. */
  readonly mentions: string;
}

export interface Tree {
  /** Text by path from the repository's root, with forward slashes; binary files are left out. */
  readonly files: ReadonlyMap<string, string>;
  /** Every path, binary files included. */
  readonly paths: ReadonlySet<string>;
  readonly sources: ReadonlyMap<string, SourceFile>;
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly broken: readonly Violation[];
}

export interface Violation {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

export type Rule = (tree: Tree) => readonly Violation[];

/** Reads what git tracks and what it would track; ignored files do not belong to the project. */
export function loadTree(root: string): Tree {
  const listing = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const paths = [...new Set(listing.split('\0'))].filter((path) => {
    const full = join(root, path);
    return path !== '' && existsSync(full) && statSync(full).isFile();
  });
  const files = new Map<string, string>();
  for (const path of paths) {
    const bytes = readFileSync(join(root, path));
    if (!bytes.subarray(0, 8192).includes(0)) files.set(path, bytes.toString('utf8'));
  }
  return makeTree(files, paths);
}

/** A tree from texts alone; `paths` may name further files, whose content no rule reads. */
export function makeTree(
  files: ReadonlyMap<string, string>,
  paths: Iterable<string> = files.keys(),
): Tree {
  const sources = new Map<string, SourceFile>();
  const manifests = new Map<string, Manifest>();
  const broken: Violation[] = [];
  for (const [file, text] of files) {
    try {
      if (file.endsWith('.ts')) sources.set(file, parseSource(file, text));
      if (posix.basename(file) === 'package.json' && !isFixture(file)) {
        manifests.set(posix.dirname(file), parseManifest(file, text));
      }
    } catch (error) {
      // Whatever the parser says, the file is at fault: that is the finding.
      broken.push({ file, message: `does not parse: ${String(error).split('\n')[0]}` });
    }
  }
  return { files, paths: new Set(paths), sources, manifests, broken };
}

/** Data and vectors from elsewhere: kept as they came, so no rule of style applies to them. */
export function isFixture(path: string): boolean {
  return /(^|\/)test\/(data|vectors)\//.test(path);
}

/** `packages/log` for any file in it, `` for the root's own files. */
export function homeOf(path: string): string {
  return /^(packages|services)\/[^/]+/.exec(path)?.[0] ?? '';
}

/** Whether the file is product code; a port's exported contract suite is a test that lives in src. */
export function isProduct(path: string): boolean {
  return /^(packages|services)\/[^/]+\/src\//.test(path) && !path.endsWith('/contract.ts');
}

/** `@scope/name/sub` → [`@scope/name`, `./sub`]; undefined for relative and node: specifiers. */
export function splitSpecifier(specifier: string): readonly [string, string] | undefined {
  if (/^(\.|\/|node:)/.test(specifier)) return undefined;
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  const rest = parts.slice(length).join('/');
  return [parts.slice(0, length).join('/'), rest === '' ? '.' : `./${rest}`];
}

/** The file in the tree that a specifier means, undefined when it is not one of ours. */
export function resolveSpecifier(tree: Tree, from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    const path = posix.join(posix.dirname(from), specifier);
    return tree.paths.has(path) ? path : undefined;
  }
  const [name, subpath] = splitSpecifier(specifier) ?? ['', ''];
  for (const [folder, manifest] of tree.manifests) {
    const entry = manifest.name === name ? manifest.exports.get(subpath) : undefined;
    if (entry !== undefined) return posix.join(folder, entry);
  }
  return undefined;
}

function parseManifest(path: string, text: string): Manifest {
  const json = JSON.parse(text) as Record<string, unknown>;
  const table = (value: unknown): ReadonlyMap<string, string> =>
    new Map(Object.entries((value ?? {}) as Record<string, string>));
  const exported = json['exports'] ?? {};
  return {
    path,
    name: String(json['name']),
    dependencies: table(json['dependencies']),
    devDependencies: table(json['devDependencies']),
    exports: typeof exported === 'string' ? new Map([['.', exported]]) : table(exported),
    mentions: JSON.stringify([json['bin'], json['scripts']]),
  };
}
