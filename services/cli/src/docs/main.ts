/** `npm run docs`: writes the documents in docs/ that are made from the sources. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DOCUMENTS } from './documents.ts';

const FOLDER = fileURLToPath(new URL('../../../../docs/', import.meta.url));

for (const [name, text] of DOCUMENTS) {
  await writeFile(`${FOLDER}${name}`, await text());
  console.log(`docs/${name}`);
}
