/** A running ledger on another machine, reached as its own commands reach it here, with a token where it asks for one. */
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import { OperatingFault } from '@tidemark/canonical';
import type { Access, Answer, AskOptions } from '../access.ts';
import { BOUNDS, bodyOf, chunksIn, send } from '../exchange.ts';
import { sayToTerminal } from '../openEngine.ts';
import { bringFrom, measureFile, type Source } from '../targetFiles.ts';
import { isTrouble, Patience, type Trouble } from './patience.ts';
import { demandPrivate, isFinal, ledgerUrl, tokenFor, unreachable } from './url.ts';

export interface RemoteOptions {
  /** Holds the token; without it TIDEMARK_TOKEN is asked. */
  readonly tokenFile?: string | undefined;
  /** Whether a token may go over http to another machine. */
  readonly allowPlain?: boolean | undefined;
  /** How long to try, in ms, while nothing gets on. */
  readonly retryFor?: number | undefined;
}

const RETRY_MS = 300_000;
/** An import's bodies, and as many questions beside them. */
const CONNECTIONS_MAX = 64;
/** Of which a later try may have an answer. */
const TROUBLES: ReadonlyMap<number, Trouble['code']> = new Map([
  // Of many bodies on a thin line: one at a time, as it is tried again, may get through.
  [408, 'remote.busy'],
  [429, 'remote.busy'],
  [502, 'remote.down'],
  [503, 'remote.down'],
  [504, 'remote.down'],
]);

interface Asked extends AskOptions {
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

/**
 * Nothing is asked yet.
 * @throws RejectedInput `remote.url`, `remote.plain`, `token.form`; OperatingFault `file.*`
 */
export async function openRemote(text: string, options: RemoteOptions): Promise<Access> {
  const url = ledgerUrl(text);
  const token = await tokenFor(options.tokenFile, process.env);
  if (token !== undefined) demandPrivate(url, options.allowPlain === true);
  const remote = new Remote(url, token, new Patience(options.retryFor ?? RETRY_MS, sayToTerminal));
  return {
    isRunning: true,
    ask: (method, path, more = {}) => remote.ask({ method, path, ...more }),
    firstRoot: async () => undefined,
    files: {
      take: async (file) => {
        sayToTerminal(`a ledger takes no files by URL: it will list ${file}, and you publish it`);
        return measureFile(file);
      },
      bringer: async () => bringFrom(remote.fileSource()),
    },
    [Symbol.asyncDispose]: async () => remote.close(),
  };
}

class Remote {
  private readonly url: URL;
  private readonly token: string | undefined;
  private readonly patience: Patience;
  private readonly agent: HttpAgent | HttpsAgent;

  constructor(url: URL, token: string | undefined, patience: Patience) {
    this.url = url;
    this.token = token;
    this.patience = patience;
    const connections = { keepAlive: true, maxSockets: CONNECTIONS_MAX };
    this.agent =
      url.protocol === 'https:'
        ? new HttpsAgent({ ...connections, secureContext: trustOfSystem() })
        : new HttpAgent(connections);
  }

  close(): void {
    this.agent.destroy();
  }

  async ask(asked: Asked): Promise<Answer> {
    const first = await this.attempt(asked);
    if (!isTrouble(first)) return first;
    const answer = await this.patience.persist(first, async () => this.attempt(asked));
    return { ...answer, isRepeated: true };
  }

  /** For target files: each is read to its end or once more from its beginning. */
  fileSource(): Source {
    return async (path, write) => {
      const asked = { method: 'GET', path: `/targets/${path}`, isPatient: true } as const;
      const attempt = async (): Promise<Trouble | { readonly isThere: boolean }> =>
        this.exchange(asked, async (answer) => {
          if (answer.statusCode === 404) {
            answer.resume();
            return { isThere: false };
          }
          if (answer.statusCode !== 200) {
            answer.destroy();
            const message = `the ledger answered ${answer.statusCode} for ${asked.path}`;
            throw new OperatingFault('export.missing', message);
          }
          await write((bytesMax) => chunksIn(answer, { ...BOUNDS, wholeMs: Infinity, bytesMax }));
          return { isThere: true };
        });
      const first = await attempt();
      const result = isTrouble(first) ? await this.patience.persist(first, attempt) : first;
      return result.isThere;
    };
  }

  private async attempt(asked: Asked): Promise<Answer | Trouble> {
    const bounds = { ...BOUNDS, ...(asked.bytesMax !== undefined && { bytesMax: asked.bytesMax }) };
    return this.exchange(asked, async (answer) => ({
      status: answer.statusCode ?? 0,
      body: await bodyOf(answer, bounds),
    }));
  }

  /** One request. @returns what `read` makes of its answer, or why there is none yet */
  private async exchange<T>(
    asked: Asked,
    read: (answer: IncomingMessage) => Promise<T>,
  ): Promise<T | Trouble> {
    try {
      const answer = await send(this.optionsFor(asked), asked.body, BOUNDS);
      this.patience.isThere = true;
      const trouble = await this.troubleIn(answer, asked.isPatient !== false);
      if (trouble !== undefined) return trouble;
      const result = await read(answer);
      this.patience.noteProgress();
      return result;
    } catch (error) {
      return this.troubleOf(error);
    }
  }

  private optionsFor({ method, path, body }: Asked) {
    const { protocol, hostname, port, pathname } = this.url;
    return {
      protocol,
      hostname: hostname.replaceAll(/^\[|\]$/g, ''),
      port: port === '' ? undefined : Number(port),
      path: `${pathname.slice(0, -1)}${path}`,
      method,
      agent: this.agent,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && {
          'content-type': 'application/x-ndjson',
          'content-length': Buffer.byteLength(body),
        }),
      },
    };
  }

  /** @throws OperatingFault `remote.redirect` */
  private async troubleIn(
    answer: IncomingMessage,
    isPatient: boolean,
  ): Promise<Trouble | undefined> {
    const { statusCode: status = 0, headers } = answer;
    if (status >= 300 && status < 400) {
      answer.destroy();
      const to = JSON.stringify(headers.location ?? '');
      throw new OperatingFault(
        'remote.redirect',
        `${this.url.host} redirects to ${to}: a token goes nowhere it was not meant for; give that URL, if it is the ledger's`,
      );
    }
    const code = TROUBLES.get(status);
    if (code === undefined || !isPatient) return undefined;
    const said = await bodyOf(answer, { ...BOUNDS, bytesMax: 8 << 20 });
    const why = `${this.url.host} answered ${status}${codeIn(said)}`;
    return { code, why, afterMs: retryAfter(headers['retry-after'], Date.now()) };
  }

  /** @throws what is no trouble that passes */
  private troubleOf(error: unknown): Trouble {
    if (error instanceof OperatingFault && error.code === 'ledger.slow') {
      return { code: 'ledger.gone', why: `${this.url.host} is slow: ${error.message}` };
    }
    if (!(error instanceof Error) || !('code' in error) || error instanceof OperatingFault) {
      throw error;
    }
    if (!this.isOfConnection(error)) throw error;
    const cause = error as NodeJS.ErrnoException;
    if (!this.patience.isThere && NO_CONNECTION.has(cause.code ?? '')) {
      throw unreachable(this.url, cause);
    }
    if (isFinal(cause.code)) throw unreachable(this.url, cause);
    return { code: 'ledger.gone', why: `${this.url.host} is not there (${cause.code})` };
  }

  private isOfConnection(error: Error): boolean {
    const { code = '' } = error as NodeJS.ErrnoException;
    return isFinal(code) || NO_CONNECTION.has(code) || BROKEN.has(code);
  }
}

/** At the first request these say that the address is wrong, later that the server is away. */
const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);
const BROKEN = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN']);

/** Whom the system trusts, and Node, and NODE_EXTRA_CA_CERTS. */
function trustOfSystem() {
  const ca = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return createSecureContext({ ca });
}

/** ` (intake.busy)`, where the answer is a problem document. */
function codeIn(body: Buffer): string {
  const code = /"code":"([a-z_]+\.[a-z_]+)"/.exec(body.toString('latin1', 0, 4096))?.[1];
  return code === undefined ? '' : ` (${code})`;
}

/** `Retry-After`, in seconds or as a date, in ms from now. RFC 9110 #section-10.2.3 */
function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
