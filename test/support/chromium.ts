// The system's Chromium; where there is none and this may be done, Debian's package is installed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const INSTALL_MS_MAX = 280_000;

/** For a machine without a screen, without a sandbox of its own, and without calls home. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The path of its binary. @throws where there is none and none could be installed */
export async function provideChromium(): Promise<string> {
  const there = await installed();
  if (there !== undefined) return there;
  if (process.getuid?.() !== 0)
    throw new Error('none is installed (Debian: apt-get install chromium)');
  await apt('update');
  await apt('install', '--yes', '--no-install-recommends', 'chromium');
  const now = await installed();
  if (now === undefined) throw new Error('apt-get has installed it, but there is none');
  return now;
}

async function installed(): Promise<string | undefined> {
  const which = NAMES.map((name) => `command -v ${name}`).join(' || ');
  const { stdout } = await run('sh', ['-c', `${which} || true`]);
  const path = stdout.trim();
  return path === '' ? undefined : path;
}

async function apt(...args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const waiting = ['-q', '-o', 'DPkg::Lock::Timeout=120'];
  try {
    await run('apt-get', [...waiting, ...args], {
      env,
      timeout: INSTALL_MS_MAX,
      maxBuffer: 64 << 20,
    });
  } catch (cause) {
    const [last] = String(Reflect.get(Object(cause), 'stderr'))
      .trim()
      .split('\n')
      .slice(-1);
    throw new Error(`apt-get ${args.join(' ')}: ${last || String(cause)}`, { cause });
  }
}
