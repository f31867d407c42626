/** Headers of every answer that keep browsers from making more of it than it is. */
import { Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { sides } from '../operations/requests.ts';

/** Nothing here but the page at `/` is a page, and everything may be fetched from anywhere: it is public or has a token. */
const library = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
  crossOriginResourcePolicy: 'cross-origin',
  xFrameOptions: 'DENY',
  // For whoever ends TLS to say.
  strictTransportSecurity: false,
});

/** They are the same for every answer. */
const HEADERS = [...(await new Hono().use(library).request('/')).headers].filter(
  ([name]) => name !== 'content-type',
);

/**
 * Sets them where Node keeps them: an answer whose own headers are touched once it is made is taken apart and put
 * together again, which costs as much as all the rest of it.
 */
export const secured: MiddlewareHandler = async (context, next) => {
  const { outgoing } = sides(context);
  if (outgoing === undefined) return library(context, next);
  for (const [name, value] of HEADERS) outgoing.setHeader(name, value);
  await next();
};
