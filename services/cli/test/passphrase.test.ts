/** Where a passphrase may come from. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readPassphrase } from '../src/folder/passphrase.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-passphrase-'));
  file = join(directory, 'passphrase');
});
afterEach(() => rm(directory, { recursive: true }));

/** A terminal without a person: `type` plays one. */
function terminal(isTTY: boolean) {
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: () => undefined });
  const output = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
  const screen: string[] = [];
  output.on('data', (data: Buffer) => screen.push(data.toString()));
  const warnings: string[] = [];
  return {
    input,
    screen: () => screen.join(''),
    warnings,
    options: { input, output, warn: (message: string) => void warnings.push(message) },
    async type(...lines: string[]) {
      for (const line of lines) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        input.write(`${line}\r`);
      }
    },
  };
}

describe('from a file', () => {
  const read = (creating = false, at = terminal(false)) =>
    readPassphrase({
      ...at.options,
      title: 'Passphrase',
      creating,
      environment: { TIDEMARK_PASSPHRASE_FILE: file },
    });

  test.each([
    ['open sesame', 'open sesame'],
    ['open sesame\n', 'open sesame'],
    ['open sesame\r\n', 'open sesame'],
    [' open sesame ', ' open sesame '],
  ])('%j is %j', async (content, passphrase) => {
    await writeFile(file, content, { mode: 0o600 });
    expect(await read()).toBe(passphrase);
  });

  test.each(['', '\n', 'two\nlines\n', 'line\n\n', 'nul\0nul', Buffer.from([0xff, 0xfe, 0x41])])(
    'unfit: %j',
    async (content) => {
      await writeFile(file, content, { mode: 0o600 });
      await expect(read()).rejects.toMatchObject({ code: 'passphrase.unfit' });
    },
  );

  test('a short one opens what exists but makes nothing new', async () => {
    await writeFile(file, 'seven77\n', { mode: 0o600 });
    expect(await read()).toBe('seven77');
    await expect(read(true)).rejects.toMatchObject({ code: 'passphrase.unfit' });
  });

  test.each([0o644, 0o604, 0o602, 0o620])('mode %o is refused with the command', async (mode) => {
    await writeFile(file, 'open sesame\n');
    await chmod(file, mode);
    await expect(read()).rejects.toMatchObject({
      code: 'file.permissions',
      message: expect.stringContaining(`chmod 600 '${file}'`) as string,
    });
  });

  test('a file for its group is used, with a warning', async () => {
    await writeFile(file, 'open sesame\n');
    await chmod(file, 0o640);
    const at = terminal(false);
    expect(await read(false, at)).toBe('open sesame');
    expect(at.warnings).toEqual([`${file} can be read by its group (mode 0640)`]);
  });

  test('absent, too long, a folder', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'file.read' });
    await writeFile(file, 'x'.repeat(1025), { mode: 0o600 });
    await expect(read()).rejects.toMatchObject({ code: 'file.too_long' });
    file = directory;
    await expect(read()).rejects.toMatchObject({ code: 'file.read' });
  });

  test('through a pipe that hands it out in pieces', async () => {
    const pipe = spawn('mkfifo', ['-m', '600', file]);
    await new Promise((resolve) => pipe.once('exit', resolve));
    const writer = spawn('sh', [
      '-c',
      '{ printf open; sleep 0.1; echo " sesame"; } > "$1"',
      'sh',
      file,
    ]);
    expect(await read()).toBe('open sesame');
    expect(writer.pid).toBeGreaterThan(0);
  });
});

describe('from a terminal', () => {
  const read = (at: ReturnType<typeof terminal>, creating: boolean) =>
    readPassphrase({ ...at.options, title: 'Passphrase of the keys', creating, environment: {} });

  test('is never shown', async () => {
    const at = terminal(true);
    const answer = read(at, false);
    await at.type('open sesame');
    expect(await answer).toBe('open sesame');
    expect(at.screen()).toContain('Passphrase of the keys');
    expect(at.screen()).not.toContain('sesame');
  });

  test('a new one is asked for twice', async () => {
    const at = terminal(true);
    const answer = read(at, true);
    await at.type('open sesame', 'open sesane', 'open sesame', 'open sesame');
    expect(await answer).toBe('open sesame');
    expect(at.screen()).toContain('differ');
  });

  test('a new one that is too short is asked for again', async () => {
    const at = terminal(true);
    const answer = read(at, true);
    await at.type('seven77', '!', 'seven77!');
    expect(await answer).toBe('seven77!');
    expect(at.screen()).toContain('shorter than 8');
  });

  test('three mismatches make nothing', async () => {
    const at = terminal(true);
    const answer = read(at, true);
    answer.catch(() => undefined);
    await at.type(...[1, 2, 3].flatMap((n) => [`password ${n}`, `other pass ${n}`]));
    await expect(answer).rejects.toMatchObject({ code: 'passphrase.mismatch' });
  });

  test('Ctrl-C cancels', async () => {
    const at = terminal(true);
    const answer = read(at, false);
    answer.catch(() => undefined);
    await at.type('\u0003');
    await expect(answer).rejects.toMatchObject({ code: 'passphrase.cancelled' });
  });

  test('without file and terminal: the next step', async () => {
    await expect(read(terminal(false), false)).rejects.toMatchObject({
      code: 'passphrase.absent',
      message: expect.stringContaining('TIDEMARK_PASSPHRASE_FILE') as string,
    });
  });
});
