/**
 * The passphrase of a folder of keys: from the file that TIDEMARK_PASSPHRASE_FILE names, else from whoever sits at the terminal,
 * else a fault that says what to do. Never from an argument or a variable: those are seen by `ps` and end up in shell histories.
 */
import type { Readable, Writable } from 'node:stream';

import { isCancel, log, password } from '@clack/prompts';
import { fromUtf8, OperatingFault } from '@tidemark/canonical';

import { readPrivateFile } from '@tidemark/runtime';

export interface PassphraseOptions {
  /** What it opens, for the prompt: `Passphrase of the online keys`. */
  readonly title: string;
  /** A new passphrase: asked for twice, and of a minimum length. */
  readonly creating?: boolean;
  /** The process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The process's standard input; a prompt needs its `isTTY`. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Where the prompt goes: standard error, so that piped output stays clean. */
  readonly output: Writable;
  /** Told of a file that its group can read. */
  readonly warn: (message: string) => void;
}

/** Names the variable in documentation and tests, too. */
const VARIABLE = 'TIDEMARK_PASSPHRASE_FILE';
const LENGTH_MIN = 8;
const BYTES_MAX = 1024;
const ATTEMPTS_MAX = 3;

/**
 * @throws OperatingFault `passphrase.absent` without file and terminal, `passphrase.cancelled`, `passphrase.mismatch`,
 *   `passphrase.unfit` (empty, too short, more than one line), `file.permissions` and other `file.*`
 */
export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  const path = options.environment[VARIABLE];
  if (path !== undefined && path !== '') return fromFile(path, options);
  if (options.input.isTTY !== true) {
    throw new OperatingFault(
      'passphrase.absent',
      `${options.title}: there is no terminal to ask on. Write it into a file of mode 0600 and set ${VARIABLE} to the file's path`,
    );
  }
  return options.creating === true ? askTwice(options) : ask(options, options.title);
}

async function fromFile(path: string, options: PassphraseOptions): Promise<string> {
  // Its group may read it: that is how services are commonly given a secret. Anybody may not.
  const { bytes, mode } = await readPrivateFile(path, { bytesMax: BYTES_MAX, others: 0o037 });
  if ((mode & 0o070) !== 0) {
    options.warn(`${path} can be read by its group (mode 0${mode.toString(8)})`);
  }
  const text = decoded(bytes)?.replace(/\r?\n$/, '');
  const flaw = text === undefined ? 'is not text' : flawOf(text, options.creating === true);
  if (text === undefined || flaw !== undefined) {
    throw new OperatingFault('passphrase.unfit', `the passphrase in ${path} ${flaw}`);
  }
  return text;
}

async function askTwice(options: PassphraseOptions): Promise<string> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const first = await ask(options, `${options.title} (new, at least ${LENGTH_MIN} characters)`);
    if ((await ask(options, 'The same again')) === first) return first;
    log.warn('The two differ.', { output: options.output });
  }
  throw new OperatingFault(
    'passphrase.mismatch',
    `${options.title}: the two entries differed ${ATTEMPTS_MAX} times; nothing has been made`,
  );
}

async function ask(options: PassphraseOptions, message: string): Promise<string> {
  const answer = await password({
    message,
    input: options.input,
    output: options.output,
    validate: (value) => {
      const flaw = flawOf(value ?? '', options.creating === true);
      return flaw === undefined ? undefined : `It ${flaw}.`;
    },
  });
  if (isCancel(answer)) {
    throw new OperatingFault('passphrase.cancelled', `${options.title}: cancelled`);
  }
  return answer;
}

function flawOf(text: string, creating: boolean): string | undefined {
  if (text === '') return 'is empty';
  // eslint-disable-next-line no-control-regex -- a control character is what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'has control characters or more than one line';
  if (creating && text.length < LENGTH_MIN) return `is shorter than ${LENGTH_MIN} characters`;
  return undefined;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch {
    return undefined;
  }
}
