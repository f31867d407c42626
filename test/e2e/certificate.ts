// Certificates that nobody knows, for this machine.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that signs itself, for localhost and 127.0.0.1. */
export function makeCertificate(folder: string, name: string): Pair {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const named = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...made, ...named, '-out', cert, '-keyout', key], {
    stdio: 'ignore',
  });
  return { cert, key };
}

/** Says its version, or that it is missing. */
export async function provideOpenssl(): Promise<string> {
  return execFileSync('openssl', ['version'], { encoding: 'utf8' });
}
