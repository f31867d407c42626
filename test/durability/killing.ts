// A server killed again and again while clients upload: what they were told must be true at the end.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { contentOf, receiptsIn } from './history.ts';
import { Server, sha256, type ServeSettings } from './support.ts';

export interface KillOptions {
  readonly ledger: string;
  readonly settings: ServeSettings;
  readonly kills: number;
  readonly random: () => number;
}

/** What the clients and the readers hold when it is over. */
export interface Held {
  /** Event id → every receipt that was given for it, `PARTITION/OFFSET/INDEX`. */
  readonly receipts: ReadonlyMap<string, readonly string[]>;
  /** Path of a file that was public → its SHA-256. */
  readonly seen: ReadonlyMap<string, string>;
  /** Kills that came while an answer was awaited. */
  readonly interrupted: number;
  /** Kills during the start. */
  readonly early: number;
}

const CLIENTS = 4;
const EVENTS_A_REQUEST = 8;
const PATHS = 400;
/** A client's rest between two requests, ms. */
const REST_MS = 30;
/** How long a server lives at the most before it is killed, ms. */
const LIFE_MS = 500;
/** The share of lives that end while the server still starts. */
const EARLY = 0.15;
const START_MS = 900;

/** Kills so often, restarts each time, and lets the last server settle everything. */
export async function killRepeatedly(options: KillOptions): Promise<Held> {
  const { ledger, settings, kills, random } = options;
  const world = new World(random);
  const clients = Array.from({ length: CLIENTS }, (_, c) => world.upload(`c${c}`));
  const reader = world.watch(ledger);
  let interrupted = 0;
  let early = 0;
  for (let kill = 0; kill < kills; kill++) {
    const server = new Server(ledger, settings);
    if (random() < EARLY) {
      early++;
      await delay(random() * START_MS);
    } else {
      await server.ready(0);
      world.server = server;
      await delay(random() * LIFE_MS);
    }
    world.server = undefined;
    if (world.waiting > 0) interrupted++;
    await server[Symbol.asyncDispose]();
  }
  await using last = await new Server(ledger, settings).ready();
  world.server = last;
  world.isOver = true;
  await Promise.all([...clients, reader]);
  await last.stop();
  return { receipts: world.receipts, seen: world.seen, interrupted, early };
}

class World {
  server: Server | undefined;
  isOver = false;
  waiting = 0;
  readonly receipts = new Map<string, string[]>();
  readonly seen = new Map<string, string>();
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

  private see(what: string, bytes: Uint8Array): void {
    const hash = sha256(bytes);
    if ((this.seen.get(what) ?? hash) !== hash) throw new Error(`two contents of ${what}`);
    this.seen.set(what, hash);
  }

  private async send(events: readonly { readonly id: string }[]): Promise<boolean> {
    const { server } = this;
    if (server === undefined) return false;
    this.waiting++;
    try {
      const wait = this.random() < 0.2 ? 'published' : 'durable';
      const { status, body } = await server.post(events, wait);
      if (status !== 202) return false;
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

  private events(label: string): { readonly id: string }[] {
    return Array.from({ length: EVENTS_A_REQUEST }, (_, i) => {
      const id = `${label}.${i}`;
      const path = `pool/p${Math.floor(this.random() * PATHS)}_1.0.deb`;
      const type = this.random();
      if (type < 0.1) return { id, type: 'target.removed', path };
      if (type < 0.2) return { id, type: 'target.yanked', path };
      return { id, type: 'target.added', path, ...contentOf(id) };
    });
  }
}
