/** What a person, or a script, is told after an import. */
import type { ImportAccount } from '../commands/import.ts';

/** Prints the account. @returns the exit code: 1 where a line was bad or refused */
export function reportImport(account: ImportAccount, json: boolean): 0 | 1 {
  const refused = Object.fromEntries(account.refused);
  const { lines, added, unchanged } = account;
  if (json) {
    console.log(JSON.stringify({ lines, added, unchanged, refused }));
  } else {
    console.log(`${lines} lines: ${added} added, ${unchanged} unchanged`);
    for (const [code, count] of Object.entries(refused)) console.log(`  ${count} refused: ${code}`);
  }
  return account.refused.size > 0 ? 1 : 0;
}
