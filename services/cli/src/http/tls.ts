/** The certificate of the public listener: read whole, and tried before it is used. */
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { OperatingFault } from '@tidemark/canonical';
import { readPrivateFile } from '@tidemark/runtime';
import type { ServeConfig } from '../config/serveSettings.ts';

const KEY_BYTES_MAX = 1 << 16;
/** Owner and group may read the key: that is how services are commonly given one. */
const OTHERS = 0o037;

/** @returns undefined where none is configured. @throws OperatingFault `tls.certificate`, `file.*` */
export async function readCertificate({
  cert: certPath,
  key: keyPath,
  min_version: minVersion,
}: ServeConfig['tls']): Promise<SecureContextOptions | undefined> {
  if (certPath === undefined || keyPath === undefined) return undefined;
  const { bytes } = await readPrivateFile(keyPath, { bytesMax: KEY_BYTES_MAX, others: OTHERS });
  try {
    const options = { cert: await readFile(certPath), key: Buffer.from(bytes), minVersion };
    createSecureContext(options);
    return options;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatingFault(
      'tls.certificate',
      `${certPath} and ${keyPath} are no certificate and its key: ${reason}`,
      { cause },
    );
  }
}
