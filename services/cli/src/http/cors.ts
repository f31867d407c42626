/** Pages of other sites may read what anybody may read; what takes a token stays for programs. */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/** What is read there is the same for everybody. */
export const READ_PATHS = ['/metadata/*', '/merkle/*', '/targets/*', '/log/*', '/v1/*'] as const;

const allow = cors({
  origin: '*',
  allowMethods: ['GET', 'HEAD'],
  allowHeaders: ['If-None-Match', 'If-Range', 'Last-Event-ID', 'Range'],
  exposeHeaders: ['Content-Range', 'ETag', 'Retry-After', 'X-Request-Id'],
  maxAge: 86_400,
});

/** Allows reads, and answers who asks for leave beforehand; other methods are none of its business. */
export const corsForReads: MiddlewareHandler = async (context, next) => {
  const { method } = context.req;
  const asks = method === 'OPTIONS' && context.req.header(ASKS_FOR) !== undefined;
  return method === 'GET' || method === 'HEAD' || asks ? allow(context, next) : next();
};

const ASKS_FOR = 'access-control-request-method';
