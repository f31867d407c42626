/** Reading option values: wrong ones end the program with 2 and say what was expected. */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { duration, type Kind } from '@tidemark/runtime';

/** A whole number within bounds. */
export function numberFrom(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${option} needs a whole number from ${min} to ${max}.`);
  };
}

/** A value of a kind that settings have, too: `30s`, `4G`. */
export function valueFrom<T>(option: string, kind: Kind<T>): (text: string) => T {
  return (text) => {
    const value = kind.read(text);
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`${option} needs ${kind.allowed}.`);
  };
}

/** The first argument of a command that works on a folder and on a URL alike. */
export const LEDGER = 'the ledger’s folder, or the URL of a running one';

/** Options that are only for a URL. */
export const TOKEN_FILE = new Option(
  '--token-file <f>',
  'of a URL: the file (mode 0600) that holds the token; otherwise TIDEMARK_TOKEN holds it',
);
export const ALLOW_PLAIN = new Option(
  '--allow-plain',
  'of a URL: send the token over http, for all on the way to read',
);
export const RETRY_FOR = new Option(
  '--retry-for <time>',
  'of a URL: how long to try again while nothing gets on (default: 5m)',
).argParser(valueFrom('--retry-for', duration('100ms', '24h')));

interface RemoteFlags {
  readonly tokenFile?: string | undefined;
  readonly allowPlain?: true | undefined;
  readonly retryFor?: number | undefined;
}

/** What was said of a URL. */
export function remoteFrom({ tokenFile, allowPlain, retryFor }: RemoteFlags): RemoteFlags {
  return { tokenFile, allowPlain, retryFor };
}

/** The examples at the end of a command’s help. */
export function example(...lines: readonly string[]): string {
  return [
    '',
    lines.length === 1 ? 'Example:' : 'Examples:',
    ...lines.map((line) => `  npx ${line}`),
  ].join('\n');
}
