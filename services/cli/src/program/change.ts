/** The commands add, remove and yank: alike but for what they say about the target. */
import { Option, type Command } from '@commander-js/extra-typings';
import type { EventType } from '@tidemark/event';
import { openAccess } from '../access/access.ts';
import { changeTargets, checkChange, type ChangeResult } from '../commands/change.ts';
import { REASONS } from '../commands/reasons.ts';
import { ALLOW_PLAIN, LEDGER, remoteFrom, RETRY_FOR, TOKEN_FILE } from './options.ts';

export function changeCommand(
  program: Command,
  name: 'add' | 'remove' | 'yank',
  type: EventType,
  description: string,
): void {
  const command = program
    .command(name)
    .description(description)
    .argument('<ledger>', LEDGER)
    .argument('<paths...>', 'target paths')
    .addOption(
      new Option('--wait <what>', 'return when it is stored, or when clients see it').choices([
        'durable',
        'published',
      ] as const),
    )
    .addOption(TOKEN_FILE)
    .addOption(ALLOW_PLAIN)
    .addOption(RETRY_FOR)
    .option('--json', 'print JSON')
    .addHelpText('after', helpOf(name));
  if (name === 'add') {
    command
      .option('--file <f>', 'the file itself; its bytes are kept, except over a URL')
      .option('--length <n>', 'its length in bytes')
      .option('--sha256 <h>', 'its SHA-256, 64 lower-case hex digits');
  }
  if (name === 'yank') {
    command
      .option('--reason <text>', 'why, for the users who meet it')
      .option('--undo', 'take the yank back');
  }
  command.action(async (ledger, paths, options) => {
    checkChange(type, paths, options);
    await using access = await openAccess(ledger, remoteFrom(options));
    const results = await changeTargets(access, type, paths, options);
    for (const result of results) {
      console.log(options.json === true ? JSON.stringify(result) : line(result));
    }
    if (results.some(({ state }) => state === 'rejected')) process.exitCode = 1;
  });
}

const EXAMPLES = {
  add: 'add /srv/index demo/demo-1.0.tar.gz --file dist/demo-1.0.tar.gz --wait published',
  remove: 'remove /srv/index demo/demo-1.0.tar.gz',
  yank: `yank /srv/index demo/demo-1.0.tar.gz --reason 'breaks on 32 bit'`,
};

const URL = 'https://index.example/';

function helpOf(name: keyof typeof EXAMPLES): string {
  const [, ...rest] = EXAMPLES[name].split(' /srv/index ');
  return `
Examples:
  npx tidemark ${EXAMPLES[name]}
  npx tidemark ${name} ${URL} ${rest.join('')} --token-file ~/.tidemark-token

Over a URL it takes a token: npx tidemark tokens create /srv/index --subject NAME --upload`;
}

function line({ path, state, code, snapshot }: ChangeResult): string {
  if (state === 'pending') return `${path}: stored; it will be in the next snapshot`;
  if (state === 'applied') return `${path}: in snapshot ${snapshot}`;
  const where = snapshot === undefined ? '' : ` in snapshot ${snapshot}`;
  const why = REASONS.get(code ?? '');
  return `${path}: ${state}${where} (${code}${why === undefined ? '' : `: ${why}`})`;
}
