// What the manifests and the Markdown files promise: exact pins, reasons for dependencies, live links.
import { posix } from 'node:path';
import type { Tree, Violation } from './tree.ts';

/** Every version is exact, so that a build of today is the build of next year. */
export function exactPins(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const versions = new Map<string, string>();
  for (const { path, dependencies, devDependencies } of tree.manifests.values()) {
    for (const [name, version] of [...dependencies, ...devDependencies]) {
      const other = versions.get(name) ?? version;
      versions.set(name, other);
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
        found.push({ file: path, message: `pins ${name} to ${version}, which is not exact` });
      } else if (version !== other) {
        found.push({ file: path, message: `pins ${name} to ${version}, elsewhere ${other}` });
      }
    }
  }
  return found;
}

/** Each dependency stands, in backticks, in a table under a README heading on dependencies. */
export function dependenciesExplained(tree: Tree): Violation[] {
  const explained = new Set<string>();
  let inSection = false;
  for (const line of (tree.files.get('README.md') ?? '').split('\n')) {
    if (line.startsWith('#')) inSection = /dependenc/i.test(line);
    if (!inSection || !line.startsWith('|')) continue;
    for (const [, name = ''] of line.matchAll(/`([^`]+)`/g)) explained.add(name);
  }
  const ours = new Set([...tree.manifests.values()].map((each) => each.name));
  const missing = new Map<string, string>();
  for (const { path, dependencies, devDependencies } of tree.manifests.values()) {
    for (const name of [...dependencies.keys(), ...devDependencies.keys()]) {
      if (!ours.has(name) && !explained.has(name)) missing.set(name, path);
    }
  }
  return [...missing].map(([name, path]) => ({
    file: 'README.md',
    message: `does not say why ${path} needs \`${name}\``,
  }));
}

/** Links to files and headings of the repository lead somewhere. */
export function liveLinks(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const [file, text] of tree.files) {
    if (!file.endsWith('.md')) continue;
    for (const [index, line] of withoutCode(text).split('\n').entries()) {
      for (const [, target = ''] of line.matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/i.test(target)) continue;
        const problem = followLink(tree, file, target);
        if (problem)
          found.push({ file, line: index + 1, message: `links to ${target}: ${problem}` });
      }
    }
  }
  return found;
}

function followLink(tree: Tree, file: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const full =
    path === ''
      ? file
      : posix.join(posix.dirname(file), decodeURIComponent(path)).replace(/\/$/, '');
  const isFolder = [...tree.paths].some((each) => each.startsWith(`${full}/`));
  if (!tree.paths.has(full) && !isFolder && full !== '.') return 'no such file';
  if (anchor === undefined || !full.endsWith('.md')) return undefined;
  return headings(tree.files.get(full) ?? '').has(anchor) ? undefined : 'no such heading';
}

/** Anchors as GitHub makes them from headings; a repeated heading gets -1, -2, … */
function headings(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, title = ''] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const slug = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

/** Blanks fenced blocks, keeping the line numbers. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```/gms, (block) => block.replaceAll(/[^\n]/g, ''));
}
