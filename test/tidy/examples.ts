// A small clean repository, and for each rule the changes that must make that rule, and only that
// rule, complain. These texts are bad on purpose; nothing else checks them.
import type { RULES } from './rules.ts';

type RuleName = keyof typeof RULES;

interface Example {
  readonly rule: RuleName;
  /** Files added to the clean repository or replaced in it. */
  readonly files: Readonly<Record<string, string>>;
  /** `file:line: message` of every violation expected (without line where there is none). */
  readonly found: readonly string[];
}

const manifest = (name: string, rest: object = {}): string =>
  JSON.stringify({ name, version: '0.1.0', exports: './src/index.ts', ...rest });

/** Put together here, so that not even the examples hold what no file may. */
const [WORK, HOME] = ['work', 'home'].map((name) => `/${name}/`);
const REGISTRY = ['registry', 'corp', 'example'].join('.');

const LOG = 'packages/log/src/log.ts';
const log = (line: string): string => `// The log.\nexport const size = 1;\n${line}\n`;

export const CLEAN: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'x', devDependencies: { vitest: '5.1.1' } }),
  'package-lock.json': '"integrity": "sha512-x",\n"resolved": "packages/log",\n',
  'README.md':
    '# X\n[the log](packages/log) [below](#why)\n## Why\n### Dependencies\n| `vitest` | r |\n',
  'vitest.config.ts': '// Tests.\nexport default { issue: 1 };\n',
  '.ci/run': '#!/bin/sh\n# Runs it.\n',
  'packages/canonical/package.json': manifest('@tidemark/canonical'),
  'packages/canonical/src/index.ts': '// Bytes.\nexport { utf8, type Text } from "./bytes.ts";\n',
  'packages/canonical/src/bytes.ts':
    '// Bytes.\nexport type Text = string;\nexport function utf8(text: Text): number { return text.length; }\n',
  'packages/log/package.json': manifest('@tidemark/log', {
    dependencies: { '@tidemark/canonical': '0.1.0' },
  }),
  'packages/log/src/index.ts':
    '// The log.\nimport { utf8 } from "@tidemark/canonical";\nexport { size } from "./log.ts";\nutf8("");\n',
  [LOG]: log(
    'export type Clock = () => number;\nexport const at = (now: Clock, date: Date = new Date(now())) => date;',
  ),
  'packages/log/src/contract.ts': '// The contract.\nimport { test } from "vitest";\ntest("x");\n',
  'packages/log/test/log.test.ts':
    '// Tests the log.\nimport { size } from "@tidemark/log";\nimport { at } from "../src/log.ts";\nimport "../src/contract.ts";\nsize; at; Date.now();\n',
  'services/intake/package.json': manifest('@tidemark/intake', {
    dependencies: { '@tidemark/log': '0.1.0' },
  }),
  'services/intake/src/index.ts':
    '// The intake.\nimport { size } from "@tidemark/log";\nnew Worker(new URL("worker.ts", import.meta.url)); size; setTimeout(0);\n',
  'services/intake/src/worker.ts': '// A worker.\n',
};

export const EXAMPLES: readonly Example[] = [
  {
    rule: 'every source parses',
    files: { 'test/x.ts': '// X.\nconst = 1;\n' },
    found: ['test/x.ts: does not parse: '],
  },
  {
    rule: 'imports follow the flow',
    files: {
      'packages/canonical/package.json': manifest('@tidemark/canonical', {
        dependencies: { '@tidemark/log': '0.1.0' },
      }),
      'packages/canonical/src/bytes.ts':
        '// Bytes.\nimport { size } from "@tidemark/log";\nexport type Text = string;\nexport const utf8: Text = size;\n',
    },
    found: ['packages/canonical/src/bytes.ts:2: imports @tidemark/log, which is not before it'],
  },
  {
    rule: 'imports follow the flow',
    files: {
      'packages/canonical/test/x.test.ts': '// X.\nexport type { Log } from "@tidemark/log";\n',
      'packages/canonical/package.json': manifest('@tidemark/canonical', {
        devDependencies: { '@tidemark/log': '0.1.0' },
      }),
    },
    found: ['packages/canonical/test/x.test.ts:2: imports @tidemark/log, which is not before it'],
  },
  {
    rule: 'imports follow the flow',
    files: { 'services/other/package.json': manifest('@tidemark/other') },
    found: ['services/other/package.json: has no place in the flow order'],
  },
  {
    rule: 'other packages are reached by name',
    files: {
      [LOG]: log(
        'import type { Text } from "../../canonical/src/bytes.ts";\nexport const at: Text = "";',
      ),
    },
    found: [`${LOG}:3: reaches across to packages/canonical/src/bytes.ts`],
  },
  {
    rule: 'other packages are reached by name',
    files: {
      'test/x.test.ts': '// X.\nconst log = await import("../packages/log/src/log.ts");\nlog;\n',
    },
    found: ['test/x.test.ts:2: reaches across to packages/log/src/log.ts'],
  },
  {
    rule: 'other packages are reached by name',
    files: {
      'test/support/x.ts': '// X.\n',
      'packages/log/test/x.test.ts': '// X.\nimport "../../../test/support/x.ts";\n',
      'services/intake/src/worker.ts': '// W.\nimport "../../../test/support/x.ts";\n',
    },
    found: ['services/intake/src/worker.ts:2: reaches across to test/support/x.ts'],
  },
  {
    rule: 'manifests list what is imported',
    files: {
      'services/intake/src/worker.ts':
        '// W.\nimport { utf8 } from "@tidemark/canonical";\nutf8;\n',
    },
    found: [
      'services/intake/src/worker.ts:2: imports @tidemark/canonical, which services/intake/package.json does not list',
    ],
  },
  {
    rule: 'manifests list what is imported',
    files: {
      'services/intake/package.json': manifest('@tidemark/intake', {
        dependencies: { '@tidemark/log': '0.1.0', '@tidemark/canonical': '0.1.0' },
        devDependencies: { vitest: '5.1.1' },
      }),
    },
    found: [
      'services/intake/package.json: lists @tidemark/canonical, which no file in src imports',
      'services/intake/package.json: lists vitest, which no test imports',
    ],
  },
  {
    rule: 'manifests list what is imported',
    files: {
      'services/intake/src/style.css': "@import 'vitest/style.css';\n",
      'services/intake/package.json': manifest('@tidemark/intake', {
        dependencies: { '@tidemark/log': '0.1.0', vitest: '5.1.1', vite: '1.0.0' },
      }),
      'README.md': '# X\n## Dependencies\n| `vitest` `vite` |\n',
    },
    found: ['services/intake/package.json: lists vite, which no file in src imports'],
  },
  ...[
    ['import { readFileSync } from "node:fs";\nreadFileSync;', 'node:fs'],
    ['import http from "node:http";\nhttp;', 'node:http'],
    ['import { randomUUID } from "node:crypto";', 'randomUUID'],
    ['import * as crypto from "node:crypto";\ncrypto["randomBytes"];', 'randomBytes', 4],
    ['Date.now();', 'Date.now'],
    ['const now = Date.now;\nnow;', 'Date.now'],
    ['new Date();', 'new Date()'],
    ['Date();', 'new Date()'],
    ['Math.random();', 'Math.random'],
    ['if (process.env["X"]) size;', 'process'],
    ['setTimeout(() => size, 1);', 'setTimeout'],
    ['const later = { wait: setInterval };\nlater;', 'setInterval'],
    ['const { env } = globalThis;\nenv;', 'globalThis'],
    ['const lazy = import("node:net");\nlazy;', 'node:net'],
    ['AbortSignal.timeout(1);', 'AbortSignal.timeout'],
    [
      'type P = { process: 1 };\n((process: P) => process.process)({ process: 1 });\nfetch("");',
      'fetch',
      5,
    ],
  ].map(([line = '', effect = '', at = 3]): Example => ({
    rule: 'packages/ have no effects',
    files: { [LOG]: log(`export const at = 0; ${line}`) },
    found: [`${LOG}:${at}: has an effect: ${effect}`],
  })),
  {
    rule: 'what browsers run needs no Node',
    files: {
      'packages/log/package.json': manifest('@tidemark/log', {
        exports: {
          '.': './src/index.ts',
          './browser': './src/browser.ts',
          './node': './src/node.ts',
        },
        dependencies: { '@tidemark/canonical': '0.1.0' },
      }),
      'packages/log/src/browser.ts':
        '// B.\nimport type { Hash } from "node:crypto";\nimport { deep } from "./deep.ts";\ntype Deep = Hash;\nconst x: Deep = deep;\nx;\n',
      'packages/log/src/deep.ts':
        '// D.\nimport { join } from "node:path";\nexport const deep = (Buffer: string, x: Buffer) => join(Buffer, x);\n',
      'packages/log/src/node.ts':
        '// N.\nimport { join } from "node:path";\nBuffer.from(join(""));\n',
      [LOG]: log('export const at = Buffer.from("");'),
    },
    found: [
      `${LOG}:3: uses Buffer, for browsers by packages/log/src/index.ts`,
      'packages/log/src/deep.ts:2: imports node:path, for browsers by packages/log/src/browser.ts',
    ],
  },
  {
    rule: 'what browsers run needs no Node',
    files: {
      'services/intake/src/page/index.html': '<script type="module" src="./main.ts"></script>\n',
      'services/intake/src/page/main.ts': '// M.\nimport "../worker.ts";\n',
      'services/intake/src/worker.ts': '// W.\nawait import("node:fs");\n',
    },
    found: [
      'services/intake/src/worker.ts:2: imports node:fs, for browsers by services/intake/src/page/main.ts',
    ],
  },
  {
    rule: 'files are small',
    files: {
      [LOG]: log(`export const at = 0;${'\n'.repeat(298)}`),
      'test/x.ts': `// X.${'\n'.repeat(601)}`,
    },
    found: [`${LOG}: has 301 lines, limit 300`, 'test/x.ts: has 601 lines, limit 600'],
  },
  {
    rule: 'files say what they are for',
    files: {
      'test/x.ts': 'const x = 1; // x\nx;\n',
      'test/x.py': '#!/usr/bin/env python3\nimport os\n',
    },
    found: [
      'test/x.ts:1: does not begin with a comment on its purpose',
      'test/x.py:1: does not begin with a comment on its purpose',
    ],
  },
  {
    rule: 'TypeScript stays erasable and explicit',
    files: {
      'test/x.ts':
        '// X.\nenum E { A }\nnamespace N {}\nexport default E;\nexport * from "./y.ts";\nconst x: any = N;\nclass C { constructor(readonly a: number) {} }\nimport "./y";\nx; C;\n',
      'test/y.ts': '// Y.\nexport const any = "any"; // any\n',
    },
    found: [
      'test/x.ts:2: declares an enum',
      'test/x.ts:3: declares a namespace',
      'test/x.ts:4: has a default export',
      'test/x.ts:5: passes on everything: name the exports',
      'test/x.ts:6: uses any',
      'test/x.ts:7: has a parameter property',
      'test/x.ts:8: imports ./y without its .ts',
    ],
  },
  {
    rule: 'JSON is read in one place',
    files: {
      [LOG]: log(
        'export const at = async (r: Response): Promise<unknown> => [\nJSON.parse(""), await r.json(), JSON.stringify(r), Date.parse("")];',
      ),
    },
    found: [`${LOG}:4: reads JSON without readJson`, `${LOG}:4: reads JSON without readJson`],
  },
  {
    rule: 'exports are used',
    files: {
      'packages/canonical/src/index.ts':
        '// B.\nexport { utf8, more, type Text } from "./bytes.ts";\n',
      'packages/canonical/src/bytes.ts':
        '// B.\nexport type Text = string;\nexport type Dead = string;\nexport function utf8(text: Text): number { return text.length; }\nexport const more = utf8;\nexport const [one] = [more];\n',
    },
    found: [
      'packages/canonical/src/index.ts:2: exports more, which nobody imports',
      'packages/canonical/src/bytes.ts:3: exports Dead, which nobody imports',
      'packages/canonical/src/bytes.ts:5: exports more, which nobody imports',
      'packages/canonical/src/bytes.ts:6: exports one, which nobody imports',
    ],
  },
  {
    rule: 'parsers are fed nonsense',
    files: {
      'packages/log/src/parts.ts':
        '// P.\nexport function parsePart(): void {}\nexport function parseAll(): void {}\nexport function ready(): void {}\n',
      'packages/log/test/fuzz.test.ts':
        '// Parsers.\nimport { parseAll, parsePart as part, ready } from "../src/parts.ts";\nparseAll; part; ready;\n',
      'packages/log/src/more.ts': '// M.\nexport const decodeMore = 1;\n',
      'packages/log/test/more.test.ts':
        '// M.\nimport { decodeMore } from "../src/more.ts";\ndecodeMore;\n',
    },
    found: [
      'packages/log/src/more.ts:2: exports decodeMore, which packages/log/test/fuzz.test.ts lacks',
    ],
  },
  {
    rule: 'files are used',
    files: { 'packages/log/src/old.ts': '// Old.\n' },
    found: ['packages/log/src/old.ts: is imported by nobody and is no entry point'],
  },
  {
    rule: 'files are used',
    files: {
      'services/intake/src/page/index.html': '<script type="module" src="./main.ts"></script>\n',
      'services/intake/src/page/main.ts': '// The script of a page.\n',
      'services/intake/src/page/other.ts': '// The script of none.\n',
    },
    found: ['services/intake/src/page/other.ts: is imported by nobody and is no entry point'],
  },
  {
    rule: 'nothing is marked unfinished',
    files: { 'test/x.ts': '// X.\n// TODO: more\n', '.ci/run': '# Runs.\n# FIXME\n' },
    found: [
      '.ci/run:2: leaves a mark for later: “FIXME”',
      'test/x.ts:2: leaves a mark for later: “TODO”',
    ],
  },
  {
    rule: 'no workplace talk',
    files: {
      'test/x.ts':
        '// X.\n// as Issue 12 asks\n// the next session does it\n// an assistant wrote this\n// We issue certificates; a session of an agent of ssh.\n',
    },
    found: [
      'test/x.ts:2: names a work item: “Issue 12”',
      'test/x.ts:3: talks shop: “next session”',
      'test/x.ts:4: talks shop: “assistant”',
    ],
  },
  {
    rule: 'no machine paths, no package hosts',
    files: {
      'test/x.ts':
        `// X.\n// see ${WORK}main\nconst x = "${HOME}me/.cache";\n` +
        `// \`\${root}${HOME}\${x}\` and https://a.example${WORK}1 are fine\n` +
        `// ${REGISTRY}\n// pip --index-url https://a.example\n`,
    },
    found: [
      `test/x.ts:2: names a path of one machine: “${WORK}”`,
      `test/x.ts:3: names a path of one machine: “${HOME}”`,
      `test/x.ts:5: names a registry host: “${REGISTRY}”`,
      'test/x.ts:6: names a package index: “--index-url”',
    ],
  },
  {
    rule: 'the lockfile names no host',
    files: {
      'package-lock.json':
        '{\n"resolved": "http://10.0.0.1/vitest.tgz",\n"resolved": "packages/log",\n}\n',
    },
    found: ['package-lock.json:2: fetches http://10.0.0.1/vitest.tgz'],
  },
  {
    rule: 'named documents exist',
    files: { 'test/x.ts': '// X, see README.md, tap15.md, style.md and design §5.\n' },
    found: [
      'test/x.ts:1: names style.md, which is not here',
      'test/x.ts:1: cites a design document that is not here',
    ],
  },
  {
    rule: 'versions are exact',
    files: {
      'package.json': JSON.stringify({ name: 'x', devDependencies: { vitest: '^5.1.1' } }),
      'packages/log/package.json': manifest('@tidemark/log', {
        dependencies: { '@tidemark/canonical': '0.1.0' },
        devDependencies: { vitest: '5.1.0' },
      }),
    },
    found: [
      'package.json: pins vitest to ^5.1.1, which is not exact',
      'packages/log/package.json: pins vitest to 5.1.0, elsewhere ^5.1.1',
    ],
  },
  {
    rule: 'dependencies are explained',
    files: { 'README.md': '# X\n`vitest`\n## Dependencies\n`vitest`\n## Other\n| `vitest` |\n' },
    found: ['README.md: does not say why package.json needs `vitest`'],
  },
  {
    rule: 'links lead somewhere',
    files: {
      'docs/x.md':
        '[a](../README.md#why) [b](../gone.ts) [c](#nowhere) [d](https://a.example/b)\n```\n[e](f)\n```\n![g](./h.png)\n',
    },
    found: [
      'docs/x.md:1: links to ../gone.ts: no such file',
      'docs/x.md:1: links to #nowhere: no such heading',
      'docs/x.md:5: links to ./h.png: no such file',
    ],
  },
];
