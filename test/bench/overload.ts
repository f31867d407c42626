/**
 * Three times what the ledger sustains, for a minute, from clients that do not wait as they are told to:
 * uploads are refused with 429, what was accepted becomes visible, and memory stays bounded. The course of it
 * can be drawn.
 */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event } from '@tidemark/event';
import { bodyOf, post, resident, statusOf, untilCaughtUp, type Client } from './client.ts';
import type { Series } from './plot.ts';

const LINES = 500;
const TIMES_TOO_MUCH = 3;
const SAMPLE_MS = 500;

export interface Overload {
  /** Events accepted; all of them became visible. */
  readonly accepted: number;
  readonly refusedShare: number;
  /** From the last upload until everything accepted was visible. */
  readonly recoveryMs: number;
  /** Bytes. */
  readonly residentMax: number;
  /** Seconds from the start against events a second, and records that wait. */
  readonly series: readonly Series[];
}

/** @param sustained uploads a second. @throws where something accepted was lost */
export async function overload(
  client: Client,
  uploads: Iterator<Event>,
  sustained: number,
  seconds: number,
): Promise<Overload> {
  const before = await applied(client);
  const start = performance.now();
  const count = { accepted: 0, refused: 0 };
  const course = watch(client, start, count);
  const everyMs = (LINES * 1000) / (TIMES_TOO_MUCH * sustained);
  const underWay = new Set<Promise<void>>();
  for (let sent = 0; performance.now() - start < seconds * 1000; sent++) {
    const done = send(client, bodyOf(uploads, LINES), count).finally(() => underWay.delete(done));
    underWay.add(done);
    await delay(Math.max(0, start + sent * everyMs - performance.now()));
  }
  await Promise.all(underWay);
  const end = performance.now();
  await untilCaughtUp(client);
  const recoveryMs = performance.now() - end;
  const { series, residentMax } = await course.stop();
  const visible = (await appliedAtLeast(client, before + count.accepted)) - before;
  if (visible !== count.accepted) {
    throw new Error(`${count.accepted} were accepted, ${visible} applied`);
  }
  const refusedShare = count.refused / (count.refused + count.accepted);
  return { accepted: count.accepted, refusedShare, recoveryMs, residentMax, series };
}

async function send(
  client: Client,
  body: Buffer,
  count: { accepted: number; refused: number },
): Promise<void> {
  const { status, body: answer } = await post(client, '/v1/events', body);
  if (status === 202) count.accepted += LINES;
  else if (status === 429) count.refused += LINES;
  else throw new Error(`${status} ${answer.toString()}`);
}

/**
 * Notes twice a second what was answered, and as often how much waits. It asks on a connection of its own,
 * because the others are full.
 */
function watch(
  others: Client,
  start: number,
  count: { readonly accepted: number; readonly refused: number },
): { stop(): Promise<{ series: Series[]; residentMax: number }> } {
  const accepted: [number, number][] = [];
  const refused: [number, number][] = [];
  const waiting: [number, number][] = [];
  const client = { ...others, agent: new Agent({ keepAlive: true }) };
  const second = (): number => (performance.now() - start) / 1000;
  let residentMax = 0;
  let isOver = false;
  const rates = async (): Promise<void> => {
    for (let last = { ...count, at: second() }; !isOver;) {
      await delay(SAMPLE_MS);
      const now = { ...count, at: second() };
      accepted.push([now.at, (now.accepted - last.accepted) / (now.at - last.at)]);
      refused.push([now.at, (now.refused - last.refused) / (now.at - last.at)]);
      last = now;
    }
  };
  const backlog = async (): Promise<void> => {
    while (!isOver) {
      waiting.push([second(), (await statusOf(client)).backlog_records]);
      residentMax = Math.max(residentMax, await resident(client));
      await delay(SAMPLE_MS);
    }
  };
  const running = Promise.all([rates(), backlog()]);
  return {
    stop: async () => {
      isOver = true;
      await running;
      client.agent.destroy();
      const series = [
        { name: 'accepted, events/s', points: accepted },
        { name: 'refused with 429, events/s', points: refused },
        { name: 'records that wait for a snapshot', points: waiting },
      ];
      return { series, residentMax };
    },
  };
}

/** Shards tell what they applied a moment after it is visible. @returns less where it stays so */
async function appliedAtLeast(client: Client, events: number): Promise<number> {
  for (let left = 20; left > 0 && (await applied(client)) < events; left--) await delay(SAMPLE_MS);
  return applied(client);
}

async function applied(client: Client): Promise<number> {
  return (await statusOf(client)).events_applied;
}
