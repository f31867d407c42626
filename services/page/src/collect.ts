/** Fetches all that speaks for or against a path, by the names that the files themselves give. */
import { parseJson, RejectedInput } from '@tidemark/canonical';
import { checkTargetPath, parseTimestamp, pathInUrl } from '@tidemark/tuf';
import { parseAnswer, type Evidence, type Proved } from './evidence.ts';

/** The bytes under a path of the ledger, such as `metadata/1.root.json`. @throws where there are none */
export type Fetch = (path: string) => Promise<Uint8Array>;

/** A ledger that replaced its root more often than this has other troubles. */
const ROOTS_MAX = 1_024;

/** @throws RejectedInput `page.missing`, `path.*`, `json.*`, `tuf.*` */
export async function collect(need: Fetch, path: string): Promise<Evidence> {
  checkTargetPath(path);
  const timestamp = await need('metadata/timestamp.json');
  const { version: n, merkleRoot } = parseTimestamp(timestamp).signed;
  const proved = async (role: string): Promise<Proved> => {
    const proof = await need(`merkle/${merkleRoot}/${role}.json`);
    return { proof, file: await need(`metadata/${versionIn(proof, role)}.${role}.json`) };
  };
  const asked = need(`v1/targets/${pathInUrl(path)}?at=${n}`).then(parseAnswer);
  const [roots, targets, bins, bin, answer] = await Promise.all([
    collectRoots(need, n),
    proved('targets'),
    proved('bins'),
    asked.then(({ role }) => proved(role)),
    asked,
  ]);
  return { path, roots, timestamp, targets, bins, bin, answer };
}

/**
 * Every root from the first on: trust goes from each to the next. Which is the newest the ledger says by itself; to
 * ask for one more until there is none, as TUF clients do, would prove no more and leave an error in the console.
 * @param n the snapshot to whose root to go
 */
async function collectRoots(need: Fetch, n: number): Promise<Uint8Array[]> {
  const snapshot = parseJson(await need(`v1/snapshots/${n}`)) as { versions?: { root?: unknown } };
  const newest = snapshot.versions?.root;
  if (typeof newest !== 'number' || newest > ROOTS_MAX) {
    throw new RejectedInput('page.missing', 'the snapshot states no version of root');
  }
  const versions = Array.from({ length: newest }, (_, i) => i + 1);
  return Promise.all(versions.map((version) => need(`metadata/${version}.root.json`)));
}

/** Which version to fetch; not believed before the proof has been verified. */
function versionIn(proof: Uint8Array, role: string): number {
  const file = parseJson(proof) as { leaf_contents?: Record<string, { version?: unknown }> };
  const version = file.leaf_contents?.[`${role}.json`]?.version;
  if (typeof version === 'number') return version;
  throw new RejectedInput('page.missing', `the Merkle map has no role ${role}`);
}
