// Requests as anybody may write them: `fetch` tidies paths up, adds headers and decodes bodies.
import { request, type IncomingHttpHeaders } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** @param path goes out as it is, from its first slash on */
export async function ask(
  url: string,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: Uint8Array;
  } = {},
): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const { body, ...asked } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const sent = request({ hostname, port, path, agent: false, ...asked });
  sent.once('error', reject);
  sent.once('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject);
    response.once('end', () => {
      const { statusCode: status = 0, headers } = response;
      resolve({ status, headers, body: Buffer.concat(chunks) });
    });
  });
  sent.end(body);
  return promise;
}

/** The JSON object that a reply is. */
export function jsonOf({ body }: Reply): Record<string, unknown> {
  return JSON.parse(body.toString()) as Record<string, unknown>;
}
