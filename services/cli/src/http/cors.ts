/** Pages of other sites may read what anybody may read; what takes a token stays for programs. */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { App } from './document.ts';

/** What is read there is the same for everybody. */
const READ_PATHS = ['/metadata/*', '/targets/*', '/log/*', '/v1/*'] as const;
/** Likewise; and questions are asked there. */
const QUESTION_PATHS = ['/merkle/*'] as const;

/** Allows reads, and answers who asks for leave beforehand; other methods are none of its business. */
export function allowReads(app: App): void {
  for (const path of READ_PATHS) app.use(path, allowing(['GET', 'HEAD']));
  for (const path of QUESTION_PATHS) app.use(path, allowing(['GET', 'HEAD', 'POST']));
}

function allowing(allowMethods: string[]): MiddlewareHandler {
  const allow = cors({
    origin: '*',
    allowMethods,
    allowHeaders: ['Content-Type', 'If-None-Match', 'If-Range', 'Last-Event-ID', 'Range'],
    exposeHeaders: ['Content-Range', 'ETag', 'Retry-After', 'X-Request-Id'],
    maxAge: 86_400,
  });
  return async (context, next) => {
    const { method } = context.req;
    const asks = method === 'OPTIONS' && context.req.header(ASKS_FOR) !== undefined;
    return allowMethods.includes(method) || asks ? allow(context, next) : next();
  };
}

const ASKS_FOR = 'access-control-request-method';
