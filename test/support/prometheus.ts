// A real Prometheus, with a data folder and a port of its own, asked through its HTTP API.
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
  }

  /** Starts it and waits until it is ready. @throws with what it said where it ends before */
  static async start(program: string, config: string, data: string): Promise<Prometheus> {
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(program, [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=${address}`,
    ]);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = once(child, 'close');
    const started = new Prometheus(child, `http://${address}/`);
    for (;;) {
      if (await started.isReady()) return started;
      if ((await Promise.race([ended, delay(POLL_MS)])) === undefined) continue;
      throw new Error(`Prometheus does not start: ${said}`);
    }
  }

  /** `data` of an answer of `/api/v1/NAME`. @throws where it is an error */
  async api<T>(name: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const url = new URL(`api/v1/${name}?${new URLSearchParams(parameters)}`, this.url);
    const answer = (await (await fetch(url)).json()) as { data: T; error?: string };
    if (answer.error !== undefined) throw new Error(`${url}: ${answer.error}`);
    return answer.data;
  }

  /** What an expression gives now. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = await this.api<{
      result: readonly { metric: Record<string, string>; value: readonly [number, string] }[];
    }>('query', { query: expression });
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /** The one value of an expression; NaN where it has none. */
  async value(expression: string): Promise<number> {
    return (await this.query(expression))[0]?.value ?? Number.NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async isReady(): Promise<boolean> {
    try {
      const response = await fetch(new URL('-/ready', this.url));
      await response.text();
      return response.ok;
    } catch {
      // It does not listen yet.
      return false;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
