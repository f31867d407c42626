/** The command `tokens`: who may upload over HTTP. */
import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, Option, type Command } from '@commander-js/extra-typings';
import { TokenFolder, type TokenRecord } from '@tidemark/runtime';
import { ledgerFolder, readLedgerFile } from '../folder/ledgerFolder.ts';

const DAY_MS = 86_400_000;

export function tokensCommand(program: Command): void {
  const tokens = program
    .command('tokens')
    .description('tokens with which an index uploads over HTTP')
    .addHelpText('after', EXAMPLES);
  tokens
    .command('create')
    .description('make a token and print it, once')
    .argument('<dir>', 'the ledger’s folder')
    .requiredOption('--subject <name>', 'on whose behalf: goes into the log with each upload')
    .option('--upload [prefixes...]', 'may upload everything, or below these paths only')
    .option('--read', 'may read what is not public', false)
    .option('--admin', 'may see the status of the ledger', false)
    .addOption(
      new Option('--expires <when>', 'after 90d or 12h, on 2027-01-31, or never')
        .argParser(expiryFrom)
        .default(90 * DAY_MS, '90d'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (directory, options) => {
      const folder = await tokensOf(directory);
      const now = Date.now();
      const { text, record } = await folder.create(
        {
          subject: options.subject,
          upload: prefixesOf(options.upload),
          read: options.read,
          admin: options.admin,
          expires: expiryAt(options.expires, now),
        },
        now,
        randomBytes,
      );
      console.log(
        options.json === true
          ? JSON.stringify({ token: text, ...shown(record) })
          : `${text}\n\n${line(record)}\nIt is shown this once: only its hash is kept.`,
      );
    });
  tokens
    .command('list')
    .description('list the tokens, without their secrets')
    .argument('<dir>', 'the ledger’s folder')
    .option('--json', 'print a line of JSON for each')
    .addHelpText('after', EXAMPLES)
    .action(async (directory, options) => {
      for (const record of await (await tokensOf(directory)).list()) {
        console.log(options.json === true ? JSON.stringify(shown(record)) : line(record));
      }
    });
  tokens
    .command('revoke')
    .description('take tokens away; a running server notices within a second')
    .argument('<dir>', 'the ledger’s folder')
    .argument('<ids...>', 'their ids, as list shows them')
    .addHelpText('after', EXAMPLES)
    .action(async (directory, ids) => {
      const folder = await tokensOf(directory);
      for (const id of ids) {
        await folder.revoke(id);
        console.log(`${id}: revoked`);
      }
    });
}

const EXAMPLES = `
Examples:
  npx tidemark tokens create /srv/index --subject pypi-upload --upload --expires 90d
  npx tidemark tokens create /srv/index --subject team-numpy --upload numpy simple/numpy
  npx tidemark tokens list /srv/index
  npx tidemark tokens revoke /srv/index 0f3a5b7c9d1e2f40`;

async function tokensOf(directory: string): Promise<TokenFolder> {
  const folder = ledgerFolder(directory);
  await readLedgerFile(folder);
  return new TokenFolder(folder.tokens);
}

function prefixesOf(upload: true | string[] | undefined): string[] {
  if (upload === undefined) return [];
  return upload === true ? [''] : upload;
}

/** A moment (a Date), a time from now (ms), or never (null). */
type Expiry = Date | number | null;

function expiryFrom(text: string): Expiry {
  if (text === 'never') return null;
  const [, amount, unit] = /^([1-9][0-9]{0,4})(d|h)$/.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * (unit === 'd' ? DAY_MS : DAY_MS / 24);
  const date = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?$/.test(text) ? new Date(text) : undefined;
  if (date !== undefined && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('It is a time like 90d or 12h, a date like 2027-01-31, or never.');
}

function expiryAt(expiry: Expiry, now: number): number | null {
  if (expiry === null) return null;
  return typeof expiry === 'number' ? now + expiry : expiry.getTime();
}

function shown({ id, subject, upload, read, admin, created, expires }: TokenRecord) {
  const text = (ms: number): string => new Date(ms).toISOString();
  const until = expires === null ? null : text(expires);
  return { id, subject, upload, read, admin, created: text(created), expires: until };
}

function line(record: TokenRecord): string {
  const { id, subject, upload, read, admin, expires } = shown(record);
  const scopes = [
    ...upload.map((prefix) => `upload ${prefix === '' ? 'everything' : `${prefix}/`}`),
    ...(read ? ['read'] : []),
    ...(admin ? ['admin'] : []),
  ];
  const until = expires === null ? 'never expires' : `until ${expires.slice(0, 16)}Z`;
  return `${id}  ${subject}  ${scopes.join(', ') || 'nothing'}  ${until}`;
}
