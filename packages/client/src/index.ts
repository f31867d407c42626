/** A TUF client: from a root that one trusts to files that may be used. Runs everywhere; `./browser` keeps trust in a browser, `./files` and `./native` are for Node. */

export { beginTrust, openClient } from './client.ts';
export type { Client, ClientOptions, FoundTarget } from './client.ts';
export { Checker, portableHashes } from './digest.ts';
export type { Hashes, Hashing } from './digest.ts';
export { httpFetch } from './http.ts';
export { memoryStore } from './memory.ts';
export { fileName } from './names.ts';
export type { Fetch, Limits, MerklePolicy, TrustStore } from './ports.ts';
