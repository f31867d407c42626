// A server killed again and again while clients upload: what they were told must be true at the end.
import { setTimeout as delay } from 'node:timers/promises';
import { World, type Held } from './clients.ts';
import { Server, type ServeSettings } from './support.ts';

export interface KillOptions {
  readonly ledger: string;
  readonly settings: ServeSettings;
  readonly kills: number;
  readonly random: () => number;
}

/** What is known when it is over. */
export interface Killed extends Held {
  /** Kills that came while an answer was awaited. */
  readonly interrupted: number;
  /** Kills during the start. */
  readonly early: number;
}

const CLIENTS = 4;
/** How long a server lives at the most before it is killed, ms. */
const LIFE_MS = 500;
/** The share of lives that end while the server still starts. */
const EARLY = 0.35;
const START_MS = 900;

/** Kills so often, restarts each time, and lets the last server settle everything. */
export async function killRepeatedly(options: KillOptions): Promise<Killed> {
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
      await server.working();
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
  await world.settle();
  await last.stop();
  return { receipts: world.receipts, seen: world.seen, interrupted, early };
}
