/** What may stand in place of a ledger's folder, and what may be sent there. */
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { readPrivateFile } from '@tidemark/runtime';
import ipaddr from 'ipaddr.js';

const TOKEN_BYTES_MAX = 1024;
/** Its group may read it, as for a passphrase: that is how services are given a secret. */
const OTHERS = 0o037;
/** As `tokens create` makes them: nothing else leaves this machine by mistake. */
const TOKEN = /^tdm_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/;
const VARIABLE = 'TIDEMARK_TOKEN';

export function isUrl(ledger: string): boolean {
  return /^https?:\/\//i.test(ledger);
}

/** What is only of a URL would be forgotten otherwise. @throws RejectedInput `option.remote` */
export function demandNoRemoteOptions(options: object): void {
  if (Object.values(options).every((value) => value === undefined)) return;
  throw new RejectedInput(
    'option.remote',
    '--token-file, --allow-plain and --retry-for are for the URL of a ledger: its folder needs none of them',
  );
}

/** The address of a running ledger, with a slash at its end. @throws RejectedInput `remote.url` */
export function ledgerUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new RejectedInput('remote.url', `${text} is not a URL`);
  if (url.username !== '' || url.password !== '') {
    throw new RejectedInput(
      'remote.url',
      'a name or password in a URL would end up in logs: a ledger takes tokens',
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw new RejectedInput('remote.url', 'the URL of a ledger ends before ? and #');
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/**
 * The token to send: from a file, else from the variable; never from an argument, which `ps` shows to everybody.
 * @returns undefined where there is none
 * @throws OperatingFault `file.*`; RejectedInput `token.form`
 */
export async function tokenFor(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (file !== undefined) {
    const { bytes } = await readPrivateFile(file, { bytesMax: TOKEN_BYTES_MAX, others: OTHERS });
    return checked(Buffer.from(bytes).toString('latin1'), file);
  }
  const value = environment[VARIABLE];
  return value === undefined || value === '' ? undefined : checked(value, VARIABLE);
}

function checked(text: string, where: string): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  throw new RejectedInput(
    'token.form',
    `what is in ${where} is no token, tdm_…: was it cut off when it was copied? Nothing was sent`,
  );
}

/** Refuses to send a token where anybody on the way could read it. @throws RejectedInput `remote.plain` */
export function demandPrivate(url: URL, allowPlain: boolean): void {
  if (url.protocol === 'https:' || allowPlain || isLoopback(url.hostname)) return;
  throw new RejectedInput(
    'remote.plain',
    `over http anybody on the way to ${url.host} could read the token: use https, ` +
      'or --allow-plain on a network where that is meant',
  );
}

function isLoopback(hostname: string): boolean {
  const name = hostname.replaceAll(/^\[|\]$/g, '');
  if (name === 'localhost') return true;
  return ipaddr.isValid(name) && ipaddr.process(name).range() === 'loopback';
}

/** A failure of the connection, for people. @param cause with Node's code */
export function unreachable(url: URL, cause: NodeJS.ErrnoException): OperatingFault {
  const code = cause.code ?? '';
  const text = cause.message === '' ? code : cause.message;
  if (isTls(code)) {
    return new OperatingFault(
      'remote.tls',
      `${url.host} is not to be trusted: ${text}. A certificate of your own authority is accepted ` +
        'where NODE_EXTRA_CA_CERTS names the file of the authority',
      { cause },
    );
  }
  if (code.startsWith('HPE_')) {
    return new OperatingFault('ledger.answer', `${url.host} does not answer as HTTP: ${text}`, {
      cause,
    });
  }
  return new OperatingFault(
    'remote.unreachable',
    `cannot reach ${url.host}: ${text}. Is it the URL that tidemark serve printed, or that of the proxy before it?`,
    { cause },
  );
}

/** Codes of Node and OpenSSL for what a second try does not change. */
export function isFinal(code: string | undefined): boolean {
  return code !== undefined && (isTls(code) || code.startsWith('HPE_'));
}

function isTls(code: string): boolean {
  return /^(?:ERR_(?:TLS|SSL)_|EPROTO$|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA)/.test(
    code,
  );
}
