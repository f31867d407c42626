// What committed text must not say: notes to self, talk about how the work was organised, places on
// one machine. The patterns are written so that they do not match themselves.
import { posix } from 'node:path';
import { isFixture } from './tree.ts';
import type { Rule, Tree, Violation } from './tree.ts';

export const noUnfinishedMarks: Rule = textRule([
  [/\b(TO[D]O|FIX[M]E|X{3}|HA[C]K)\b/, 'leaves a mark for later'],
]);

export const noWorkplaceTalk: Rule = textRule([
  [/\bissues? #?\d+\b/i, 'names a work item'],
  [
    /\b(this|next|previous|last|earlier|later|another|parent) (issue|session|brief)\b/i,
    'talks shop',
  ],
  [/\bsessions? (that|which|who) \w+/i, 'talks shop'],
  [/\b(assistan[t]s?|sub-?agen[t]s?|Claud[e]|Anthropi[c]|Copilo[t]|ChatGP[T])\b/i, 'talks shop'],
  [/\bplan[.]md\b/, 'names a working paper'],
]);

/** Folders of one machine, and package hosts: which one to ask is for whoever installs to say. */
export const noMachinePlaces: Rule = textRule([
  [/(?<![\w.})>*\]-])\/(work|root|home)\//, 'names a path of one machine'],
  [/\bregistry\.[\w-]+\.\w[\w.]*|--registr[y]\b|^registry\s*=/, 'names a registry host'],
  [/--(extra-)?index-ur[l]\b|--find-link[s]\b|\bGOPROX[Y]\s*=/, 'names a package index'],
]);

/** The lockfile names no host: npm asks the one it is configured for, and the hashes say what it must get. */
export function hostlessLockfile(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const lines = tree.files.get('package-lock.json')?.split('\n') ?? [];
  for (const [index, text] of lines.entries()) {
    const url = /"resolved": "(\w+:[^"]*)"/.exec(text)?.[1];
    if (url === undefined) continue;
    found.push({ file: 'package-lock.json', line: index + 1, message: `fetches ${url}` });
  }
  return found;
}

/** A document that the text names is one that the reader can open. */
export function namedDocumentsExist(tree: Tree): Violation[] {
  const known = new Set([...tree.paths].map((path) => posix.basename(path)));
  const found: Violation[] = [];
  for (const [file, text] of checkedTexts(tree)) {
    for (const [index, line] of text.split('\n').entries()) {
      for (const [, name = ''] of line.matchAll(/(?<![\w/:*-])([\w-]+\.md)(?![\w/])/g)) {
        if (known.has(name) || PUBLIC_DOCUMENTS.test(name)) continue;
        found.push({ file, line: index + 1, message: `names ${name}, which is not here` });
      }
      if (/\bdesign(\.md)?,? §/.test(line) && !known.has(DESIGN)) {
        found.push({ file, line: index + 1, message: 'cites a design document that is not here' });
      }
    }
  }
  return found;
}

/** Documents that a reader finds by their name: TUF's augmentation proposals. */
const PUBLIC_DOCUMENTS = /^tap\d+\.md$/;
const DESIGN = ['design', 'md'].join('.');

function textRule(patterns: readonly (readonly [RegExp, string])[]): Rule {
  return (tree) => {
    const found: Violation[] = [];
    for (const [file, text] of checkedTexts(tree)) {
      if (!patterns.some(([pattern]) => new RegExp(pattern, `${pattern.flags}m`).test(text)))
        continue;
      for (const [index, line] of text.split('\n').entries()) {
        for (const [pattern, what] of patterns) {
          const match = pattern.exec(line)?.[0];
          if (match !== undefined) {
            found.push({ file, line: index + 1, message: `${what}: “${match.trim()}”` });
          }
        }
      }
    }
    return found;
  };
}

function* checkedTexts(tree: Tree): Generator<readonly [string, string]> {
  for (const [file, text] of tree.files) {
    // The bad examples of these very rules are the one place that must say such things.
    const examples = file === 'test/tidy/examples.ts';
    if (!examples && file !== 'package-lock.json' && !isFixture(file)) yield [file, text];
  }
}
