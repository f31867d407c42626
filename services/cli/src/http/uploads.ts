/** Who may upload over HTTP: tokens, and how much each of their subjects may send. */
import {
  mayUpload,
  RateLimit,
  tokenOf,
  type RateLimitOptions,
  type TokenFolder,
  type TokenRecord,
} from '@tidemark/runtime';
import { RejectedInput } from '@tidemark/canonical';
import type { Context } from 'hono';
import { noteSubject } from '../operations/requests.ts';
import { EVENT_LIMITS, type Caller } from './events.ts';
import type { ItemLimits } from './items.ts';

export interface UploadOptions {
  readonly tokens: TokenFolder;
  /** Wall clock, ms. */
  readonly now: () => number;
  /** A clock that does not jump, ms. */
  readonly monotonic: () => number;
  /** Of events, a subject each. */
  readonly rate: RateLimitOptions;
  readonly limits?: ItemLimits;
}

export class Uploads {
  readonly limits: ItemLimits;
  private readonly options: UploadOptions;
  private readonly rate: RateLimit;

  constructor(options: UploadOptions) {
    const { rate, limits = EVENT_LIMITS } = options;
    this.options = options;
    this.limits = limits;
    this.rate = new RateLimit(rate);
  }

  /** @throws RejectedInput `token.*` */
  async callerOf(context: Context): Promise<Caller> {
    const token = await this.token(context);
    if (token.upload.length === 0) throw noScope('upload');
    return {
      subject: token.subject,
      mayUpload: (path) => mayUpload(token, path),
      mayRunAhead: false,
      take: (events) => this.rate.take(token.subject, events, this.options.monotonic()),
    };
  }

  /** @throws RejectedInput `token.*` */
  async demandAdmin(context: Context): Promise<void> {
    if (!(await this.token(context)).admin) throw noScope('admin');
  }

  private async token(context: Context): Promise<TokenRecord> {
    const { tokens, now, monotonic } = this.options;
    const known = await tokens.known(monotonic());
    const token = tokenOf(context.req.header('authorization'), known, now());
    noteSubject(context, token.subject);
    return token;
  }
}

function noScope(scope: string): RejectedInput {
  return new RejectedInput('token.scope', `this token has no scope ${scope}`);
}
