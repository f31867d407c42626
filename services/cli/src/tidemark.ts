/** The command line: what each command is called and takes; what it does is in `commands/`. */
import { Command } from '@commander-js/extra-typings';
import { BrokenInvariant, OperatingFault, RejectedInput } from '@tidemark/canonical';
import { binsCommand } from './program/bins.ts';
import { changeCommand } from './program/change.ts';
import { clientCommand } from './program/client.ts';
import { importCommand } from './program/import.ts';
import { initCommand } from './program/init.ts';
import { commandsThatRead } from './program/read.ts';
import { serveCommand } from './program/serve.ts';
import { tokensCommand } from './program/tokens.ts';
import { VERSION } from './version.ts';

const program = new Command('tidemark')
  .description('The metadata ledger that lets a package index survive its own compromise.')
  .version(VERSION)
  .showHelpAfterError('(tidemark COMMAND --help shows what it takes, with examples)')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

initCommand(program);
serveCommand(program);

importCommand(program);
tokensCommand(program);
binsCommand(program);
clientCommand(program);
changeCommand(program, 'add', 'target.added', 'list a target, or another content at its path');
changeCommand(program, 'remove', 'target.removed', 'take a target off the list');
changeCommand(program, 'yank', 'target.yanked', 'mark a target as yanked; it stays downloadable');

commandsThatRead(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Says what went wrong, with its code; a defect shows where it happened. */
function explain(error: unknown): number {
  const isOurs =
    error instanceof RejectedInput ||
    error instanceof OperatingFault ||
    error instanceof BrokenInvariant;
  if (isOurs) console.error(`tidemark: ${printable(error.message)} (${error.code})`);
  else console.error(error);
  // What was asked cannot be: it is of the wrong form, not refused for what it would do.
  const isUsage = /^(?:option\..*|init\.(?:name|bins|partitions))$/;
  return error instanceof RejectedInput && isUsage.test(error.code) ? 2 : 1;
}

/** Names that others chose stand in messages: they must not steer the terminal, nor look like another message. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
