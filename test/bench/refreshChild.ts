/**
 * One client, one refresh and one download, in a process of its own, so that its memory can be told:
 * `refreshChild.ts CLIENT REQUEST`, the request as JSON with the root in base64. Prints the report as JSON.
 */
import { readFile } from 'node:fs/promises';
import type { MerklePolicy } from '@tidemark/client';
import { askOwn } from '../clients/own.ts';
import type { ClientReport, ClientRequest } from '../clients/report.ts';
import { askTufJs } from '../clients/tuf-js.ts';

const [client, text] = process.argv.slice(2);
const { root, ...rest } = JSON.parse(text!) as Omit<ClientRequest, 'root'> & { root: string };
const request: ClientRequest = { ...rest, root: Buffer.from(root, 'base64') };

const report = client === 'tuf-js' ? await askTufJs(request) : await own(client as MerklePolicy);
// What getrusage says includes the parent at the time of the fork.
const residentMax =
  Number(/VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))![1]) * 1024;
console.log(JSON.stringify({ ...report, residentMax }));

/** With the bytes beside the bin and the target: what the proof of it costs. */
async function own(merkle: MerklePolicy): Promise<ClientReport & { readonly beside: number }> {
  const asked = await askOwn(request, merkle);
  const isBin = (url: string): boolean => /\/metadata\/\d+\.bin-[0-9a-f]+\.json$/.test(url);
  const beside = [...asked.bytesByUrl]
    .filter(([url]) => !isBin(url) && !url.startsWith(request.targetUrl))
    .reduce((sum, [, bytes]) => sum + bytes, 0);
  return { ...asked, beside };
}
