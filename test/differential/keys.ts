// The keys of all made-up repositories: a few, made once, of each kind that a client has to know.
import {
  constants,
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { createSigner, sha256HexNative, sha256Native } from '@tidemark/canonical/native';
import { ed25519Key, keyIdOf, type Key } from '@tidemark/tuf';

export interface TestKey {
  readonly key: Key;
  readonly id: string;
  sign(message: Uint8Array): Uint8Array;
}

/** By name. Their names are the dice's, the RSA keys' bytes are not: making one takes chance that no seed gives. */
export const KEYS: ReadonlyMap<string, TestKey> = new Map(
  [
    ...Array.from({ length: 14 }, (_, i) => [`ed-${i}`, ed25519(`ed-${i}`)] as const),
    ...Array.from({ length: 4 }, (_, i) => [`ec-${i}`, ecdsa(`ec-${i}`)] as const),
    ...Array.from({ length: 2 }, (_, i) => [`rsa-${i}`, rsa()] as const),
  ].map(([name, key]) => [name, named(key)]),
);

export const KEY_NAMES: readonly string[] = [...KEYS.keys()];

/** A key that nobody trusts. */
export const STRANGER: TestKey = named(ed25519('stranger'));

/** Of schemes that python-tuf knows and we do not. */
export const FOREIGN: readonly TestKey[] = [
  rsa('rsassa-pss-sha512'),
  rsa('rsa-pkcs1v15-sha256'),
  p384(),
].map(named);

export function keyOf(name: string): TestKey {
  return KEYS.get(name)!;
}

type Made = Omit<TestKey, 'id'>;

const SIGNATURES_MAX = 5_000;

/** Signs the same twice with the same signature, also where chance goes into one: an honest file stays what it is. */
function named({ key, sign }: Made): TestKey {
  const signatures = new Map<string, Uint8Array>();
  return {
    key,
    id: keyIdOf(key),
    sign: (message) => {
      const name = sha256HexNative(message);
      const signature = signatures.get(name) ?? sign(message);
      if (signatures.size > SIGNATURES_MAX) signatures.clear();
      signatures.set(name, signature);
      return signature;
    },
  };
}

function ed25519(name: string): Made {
  const signer = createSigner(sha256Native(Buffer.from(name)));
  return { key: ed25519Key(signer.publicKey), sign: (message) => signer.sign(message) };
}

function ecdsa(name: string): Made {
  const pair = createECDH('prime256v1');
  const secret = sha256Native(Buffer.from(name));
  pair.setPrivateKey(secret);
  const point = pair.getPublicKey();
  const part = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: part(secret),
      x: part(point.subarray(1, 33)),
      y: part(point.subarray(33)),
    },
  });
  return {
    key: { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem(privateKey) } },
    sign: (message) => sign('sha256', message, privateKey),
  };
}

function rsa(scheme = 'rsassa-pss-sha256'): Made {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hash = scheme.slice(-6);
  const isPss = scheme.includes('pss');
  const padding = isPss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const salt = isPss ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return {
    key: { keytype: 'rsa', scheme, keyval: { public: pem(privateKey) } },
    sign: (message) => sign(hash, message, { key: privateKey, padding, ...salt }),
  };
}

function p384(): Made {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
  return {
    key: { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp384', keyval: { public: pem(privateKey) } },
    sign: (message) => sign('sha384', message, privateKey),
  };
}

function pem(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}
