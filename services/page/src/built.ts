/** Where the built page lies: written by `npm ci`, never committed. */
import { join } from 'node:path';

export const BUILT = join(import.meta.dirname, '../dist');
