/** The page for people at `/`, beside the text that everybody else gets there. */
import { createRoute, z } from '@hono/zod-openapi';
import { readPage, type Page } from '@tidemark/page';
import type { Context, MiddlewareHandler } from 'hono';
import { parseAccept } from 'hono/utils/accept';
import { FileAnswers, FOR_EVER, FOR_SECONDS } from './answer.ts';
import { type App, bytes, NOT_MODIFIED, problemWith } from './document.ts';

const HTML = { type: 'text/html; charset=utf-8', cacheControl: FOR_SECONDS } as const;

/** Only what this server itself serves runs, and it talks to nobody else. pico's icons are data URLs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILE_ROUTE = createRoute({
  method: 'get',
  path: '/page/{file}',
  tags: ['operations'],
  summary: 'A file of the page at `/`',
  request: { params: z.object({ file: z.string() }) },
  responses: {
    200: {
      description: 'A script or a style sheet; it never changes.',
      content: {
        'text/javascript': bytes('').content['application/octet-stream'],
        'text/css': bytes('').content['application/octet-stream'],
      },
    },
    304: NOT_MODIFIED,
    404: problemWith('http.not_found'),
  },
});

/** What belongs to `/` alone; set after what is set for every answer. */
export const pageHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.append('vary', 'Accept');
  if (headers.get('content-type') === HTML.type) headers.set('content-security-policy', POLICY);
};

export function addPage(app: App): void {
  const answers = new FileAnswers();
  let kept: Page | undefined;
  // Read when it is first asked for; whoever builds it anew starts the server anew.
  const page = async (): Promise<Page | undefined> => (kept ??= await readPage());
  app.use('/', async (context, next) => {
    const built = prefersHtml(context) ? await page() : undefined;
    if (built === undefined) return next();
    return answers.file(context, built.html, HTML);
  });
  app.openapi(FILE_ROUTE, async (context) => {
    const file = (await page())?.assets.get(context.req.valid('param').file);
    const type = file?.type ?? '';
    return answers.file(context, file?.bytes, { type, cacheControl: FOR_EVER });
  });
}

/** Browsers name HTML; what takes anything, as curl does, gets text. */
function prefersHtml(context: Context): boolean {
  const accepted = parseAccept(context.req.header('accept')?.toLowerCase() ?? '');
  const qualityOf = (type: string): number => accepted.find((each) => each.type === type)?.q ?? 0;
  const html = qualityOf('text/html');
  return html > 0 && html >= qualityOf('text/plain');
}
