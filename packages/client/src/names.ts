/** Where files lie: names of roles and targets in URLs and folders. */

/** A role's name as part of a file's: whatever it is, one segment. */
export function encodeRole(role: string): string {
  return encodeURIComponent(role).replace(
    /[!'()*]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * A name as that of a file, whatever it is and wherever the file goes: not the folder or what is above it, and none that
 * Windows takes for a device or cuts short. Different names have different files.
 */
export function fileName(name: string): string {
  const encoded = encodeRole(name);
  // No encoded name is this.
  if (encoded === '') return '%';
  return (WINDOWS_DEVICE.test(encoded) ? encodeFirst(encoded) : encoded).replace(/\.$/, '%2E');
}

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** The same name, its first letter spelt by its number. */
export function encodeFirst(name: string): string {
  return `%${name.charCodeAt(0).toString(16).toUpperCase()}${name.slice(1)}`;
}

/**
 * `DIR/NAME` → `DIR/<hash>.NAME`, where a repository has consistent snapshots.
 * https://theupdateframework.github.io/specification/latest/#consistent-snapshots
 */
export function hashedName(path: string, hashes: ReadonlyMap<string, string>): string {
  const hash = hashes.get('sha256') ?? [...hashes.values()][0]!;
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${hash}.${path.slice(slash)}`;
}

/** `ROLE.json`, or `N.ROLE.json` where a repository has consistent snapshots. */
export function versionedName(
  { consistentSnapshot }: { readonly consistentSnapshot: boolean },
  role: string,
  version: number,
): string {
  const name = `${encodeRole(role)}.json`;
  return consistentSnapshot ? `${version}.${name}` : name;
}

/** `https://index.example/metadata/` → `https://index.example/merkle`. */
export function besideFolder(url: string, name: string): string {
  return URL.canParse(url) ? new URL(`../${name}`, inFolder(url, '')).href : name;
}

export function inFolder(url: string, path: string): string {
  return `${url.replace(/\/*$/, '')}/${path}`;
}
