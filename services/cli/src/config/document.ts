/** docs/configuration.md: every setting of `tidemark serve`, made from its schema. */
import { settingsOf, variableOf, type Setting } from '@tidemark/runtime';
import { markdownTable } from '../docs/markdown.ts';
import { SERVE_SETTINGS } from './serveSettings.ts';

export function configurationDocument(): string {
  const settings = settingsOf(SERVE_SETTINGS);
  const groups = Object.entries(SERVE_SETTINGS.shape).map(([group, { description }]) => {
    const members = settings.filter(({ name }) => name.startsWith(`${group}.`));
    return `## ${description ?? group}\n\n${markdownTable(HEADERS, members.map(rowOf))}`;
  });
  return [INTRODUCTION, ...groups].join('\n');
}

const INTRODUCTION = `# Configuration of \`tidemark serve\`

This file is made from the schema by \`npm run docs\`.

A setting can stand in four places. The first that has it wins:

1. a flag, where the table names one;
2. an environment variable: \`TIDEMARK_\` and the name in capitals, so \`listen.port\` is \`TIDEMARK_LISTEN_PORT\`. An
   empty one counts as unset;
3. the file that \`--config\` names, JSON in groups: \`{"listen": {"port": 8080}, "ledger": {"cut_interval": "250ms"}}\`;
4. the default.

A time bears its unit: \`250ms\`, \`1s\`, \`2m\`, \`1h\`. So does a size: \`64K\`, \`512M\`, \`2G\`. Names that nobody knows are
errors, and all errors are told at once, each with its place. \`tidemark serve DIR --config FILE --check\` only looks:
it exits with 0 where all is well and with 1 where something is not.
`;

const HEADERS = ['name', 'default', 'allowed', 'flag', 'what it is'];

function rowOf({ name, fallback, absent, kind, flag, description }: Setting): string[] {
  return [
    `\`${name}\`<br>\`${variableOf(name)}\``,
    fallback === undefined ? (absent ?? '') : `\`${fallback}\``,
    `${kind.allowed.replace(/:.*/, '')}${UNITS.has(kind.unit) ? '' : ` (${kind.unit})`}`,
    flag === undefined ? '' : `\`${flag.split(' ')[0]}\``,
    description,
  ];
}

/** Units that what is allowed says already. */
const UNITS = new Set(['time', 'size', 'choice', 'address', 'path']);
