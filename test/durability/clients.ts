// Clients that upload until they are told to stop, and keep what they were told.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { contentOf, receiptsIn } from './history.ts';
import { Server, sha256 } from './support.ts';

/** What the clients and the readers hold when it is over. */
export interface Held {
  /** Event id → every receipt that was given for it, `PARTITION/OFFSET/INDEX`. */
  readonly receipts: ReadonlyMap<string, readonly string[]>;
  /** Path of a file that was public → its SHA-256. */
  readonly seen: ReadonlyMap<string, string>;
}

const EVENTS_A_REQUEST = 8;
const PATHS = 400;
/** A client's rest between two requests, ms. */
const REST_MS = 30;

interface EventToSend {
  readonly id: string;
  readonly type: string;
  readonly path: string;
}

/** Clients and a reader of one ledger, whatever happens to its servers meanwhile. */
export class World {
  /** Who runs now and answers. */
  server: Server | undefined;
  isOver = false;
  waiting = 0;
  readonly receipts = new Map<string, string[]>();
  readonly seen = new Map<string, string>();
  /** Answers other than receipts. */
  readonly refusals = new Set<string>();
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** A client: sends until it is over; what was not acknowledged is sent again under the same ids. */
  async upload(name: string): Promise<void> {
    for (let request = 0; !this.isOver; request++) {
      const events = this.events(`${name}-${request}`);
      while (!(await this.send(events))) await delay(5);
      // Now and then what was acknowledged as well: an uploader that lost its own notes.
      if (this.random() < 0.05) await this.send(events);
      await delay(this.random() * REST_MS);
    }
  }

  /** A reader of the published files: versions never go back, and no number has two contents. */
  async watch(ledger: string): Promise<void> {
    let newest = 0;
    while (!this.isOver) {
      for (const name of ['timestamp.json', 'checkpoint']) {
        const bytes = await readFile(join(ledger, 'metadata', name)).catch(() => undefined);
        if (bytes === undefined) continue;
        if (name === 'checkpoint') {
          this.see(`checkpoint of size ${bytes.toString().split('\n')[1]}`, bytes);
          continue;
        }
        const { signed } = JSON.parse(bytes.toString()) as { signed: { version: number } };
        if (signed.version < newest) throw new Error(`timestamp ${signed.version} after ${newest}`);
        newest = signed.version;
        this.see(`/metadata/${newest}.timestamp.json`, bytes);
      }
      await delay(3);
    }
  }

  /** Uploads something to every partition: once that is visible, all that was sent before is. */
  async settle(): Promise<void> {
    const marks = Array.from({ length: 64 }, (_, i) => this.event(`mark.${i}`, `pool/mark${i}`));
    if (!(await this.send(marks, 'published'))) throw new Error(`no answer: ${this.server?.said}`);
  }

  private see(what: string, bytes: Uint8Array): void {
    const hash = sha256(bytes);
    if ((this.seen.get(what) ?? hash) !== hash) throw new Error(`two contents of ${what}`);
    this.seen.set(what, hash);
  }

  private async send(
    events: readonly EventToSend[],
    wait: 'durable' | 'published' = this.random() < 0.2 ? 'published' : 'durable',
  ): Promise<boolean> {
    const { server } = this;
    if (server === undefined) return false;
    this.waiting++;
    try {
      const { status, body } = await server.post(events, wait);
      if (status !== 202) {
        this.refusals.add(`${status} ${body.toString()}`);
        return false;
      }
      receiptsIn(body).forEach((receipt, i) => {
        const { id } = events[i]!;
        this.receipts.set(id, [...(this.receipts.get(id) ?? []), receipt]);
      });
      return true;
    } catch {
      return false;
    } finally {
      this.waiting--;
    }
  }

  private events(label: string): EventToSend[] {
    return Array.from({ length: EVENTS_A_REQUEST }, (_, i) => {
      const id = `${label}.${i}`;
      const path = `pool/p${Math.floor(this.random() * PATHS)}_1.0.deb`;
      const type = this.random();
      if (type < 0.1) return { id, type: 'target.removed', path };
      if (type < 0.2) return { id, type: 'target.yanked', path };
      return this.event(id, path);
    });
  }

  /** An addition whose content is its own. */
  private event(id: string, path: string): EventToSend {
    return { id, type: 'target.added', path, ...contentOf(id) };
  }
}
