/** What a person, or a script, is told after an import. */
import { join } from 'node:path';
import type { ImportAccount } from '../commands/importAccount.ts';
import type { BadLine } from '../sources.ts';

/** Prints the account. @returns the exit code: 1 where a line was bad or refused, or would be */
export function reportImport(
  account: ImportAccount,
  { json = false, dryRun = false }: { json?: boolean | undefined; dryRun?: boolean | undefined },
): 0 | 1 {
  const { rejected, bad, bytesRead, seconds, ...counts } = account;
  if (json) {
    const byCode = { rejected: Object.fromEntries(rejected), bad: Object.fromEntries(bad) };
    console.log(
      JSON.stringify({
        ...(dryRun ? { dry_run: true } : {}),
        ...counts,
        ...byCode,
        bytes_read: bytesRead,
        seconds,
      }),
    );
  } else {
    const { lines, added, replaced, removed, yanked, unchanged } = counts;
    const kinds = [`${added} added`];
    for (const [kind, count] of Object.entries({ replaced, removed, yanked })) {
      if (count > 0) kinds.push(`${count} ${kind}`);
    }
    const head = dryRun ? 'Nothing was sent. It would be: ' : '';
    console.log(`${head}${lines} lines: ${kinds.join(', ')}, ${unchanged} unchanged`);
    console.log(`  ${bytesRead} bytes read, ${seconds} s`);
    for (const [code, count] of rejected) console.log(`  ${count} rejected: ${code}`);
    for (const [code, count] of bad) console.log(`  ${count} bad: ${code}`);
  }
  return rejected.size + bad.size > 0 ? 1 : 0;
}

/** `list.tsv:12: CODE: MESSAGE`, as compilers say it; within a folder `FOLDER/PROJECT/index.json:3: …`. */
export function badLine(source: string, { document, line, code, message }: BadLine): string {
  // Names of files may hold what moves a terminal's cursor.
  const inside = document?.replaceAll(/[^ -~]/g, '?');
  const file = inside === undefined ? source : join(source, inside);
  return `${file}:${line === 0 ? '' : `${line}:`} ${code}: ${message}`;
}
