/** `tidemark status`, for people or as JSON. */
import { RejectedInput, type JsonObject } from '@tidemark/canonical';
import type { Access } from '../access/access.ts';
import { askJson, jsonIn, ledgerOf, newestSnapshot, shaped, textOf } from '../access/ask.ts';
import { readySchema } from '../http/schemas.ts';
import { amount, count } from './table.ts';

const LABEL_WIDTH = 14;

/** All of it takes an admin's token over a URL; without one, what the ledger tells everybody. */
export async function statusReport(access: Access, json: boolean, now: number): Promise<string> {
  const whole = await wholeStatus(access);
  if (whole !== undefined) {
    if (json) return JSON.stringify({ running: access.isRunning, ...whole });
    return statusLines(whole, access.isRunning, now).join('\n');
  }
  const open = await openStatus(access);
  if (json) return JSON.stringify({ running: access.isRunning, public_only: true, ...open });
  return openStatusLines(open, now).join('\n');
}

/** @returns undefined where it takes another token, or one at all */
async function wholeStatus(access: Access): Promise<JsonObject | undefined> {
  try {
    return await askJson(access, '/v1/status');
  } catch (error) {
    const isClosed = error instanceof RejectedInput && /^token\.(?:absent|scope)$/.test(error.code);
    if (isClosed) return undefined;
    throw error;
  }
}

/** What the ledger tells everybody, under the names that the whole status has. */
async function openStatus(access: Access): Promise<JsonObject> {
  const { policy, keeps_files: _, ...shape } = await ledgerOf(access);
  const { snapshot, time, merkle_root, versions } = await newestSnapshot(access);
  const { body } = await access.ask('GET', '/readyz', { isPatient: false });
  // 503 is an answer here, not a failure.
  const { reasons } = shaped(readySchema, jsonIn({ status: 200, body }, '/readyz'), '/readyz');
  return {
    ...shape,
    snapshot,
    snapshot_time: time,
    classic_snapshot: versions.snapshot,
    ...policy,
    merkle_root,
    root_version: versions.root,
    reasons,
  };
}

function openStatusLines(status: JsonObject, now: number): string[] {
  return [
    ...headLines(status, true),
    '',
    ...snapshotLines(status, now),
    '',
    line('ledger', textOf(status['ledger']) ?? ''),
    line('  shape', shapeOf(status)),
    '',
    'Backlog, memory and expiries take a token that was made with --admin: TIDEMARK_TOKEN, or --token-file F.',
  ];
}

/** What is wrong comes first, then what changes, then what does not. @param now ms of the wall clock */
export function statusLines(status: JsonObject, isRunning: boolean, now: number): string[] {
  return [
    ...headLines(status, isRunning),
    ...(status['fault'] === null ? [] : [line('  waiting out', textOf(status['fault']) ?? '')]),
    '',
    ...snapshotLines(status, now),
    line('backlog', backlogOf(status, now)),
    line('events', eventsOf(status)),
    line('memory', memoryOf(status)),
    '',
    ...expiriesOf(status, now),
    '',
    line('ledger', textOf(status['ledger']) ?? ''),
    line('  shape', `${shapeOf(status)}, ${count(Number(status['shards']))} shards`),
  ];
}

function headLines(status: JsonObject, isRunning: boolean): string[] {
  const reasons = (status['reasons'] ?? []) as readonly JsonObject[];
  const ready = reasons.length === 0 ? 'it does its work' : 'it does not do its work';
  const state = isRunning ? `a server is running; ${ready}` : 'no server is running';
  return [
    line(textOf(status['name']) ?? '', state),
    ...reasons.map(({ code, detail }) =>
      line('  not ready', `${textOf(detail)} (${textOf(code)})`),
    ),
  ];
}

function snapshotLines(status: JsonObject, now: number): string[] {
  const merkleRoot = textOf(status['merkle_root']);
  return [
    line('snapshot', snapshotOf(status, now)),
    ...(merkleRoot === undefined ? [] : [line('  merkle root', merkleRoot)]),
  ];
}

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function snapshotOf(status: JsonObject, now: number): string {
  const made = textOf(status['snapshot_time']);
  if (made === undefined) return 'none yet';
  const classic = `snapshot.json states ${textOf(status['classic_snapshot'])}`;
  return `${textOf(status['snapshot'])}, ${ago(now - Date.parse(made))}; ${classic}`;
}

function backlogOf(status: JsonObject, now: number): string {
  const since = textOf(status['backlog_since']);
  const waiting = Number(status['queue_bytes']);
  const inMemory = waiting === 0 ? [] : [`${amount(waiting)} wait for the disk`];
  const records = Number(status['backlog_records']);
  const stored =
    since === undefined
      ? 'nothing waits for a snapshot'
      : `${count(records)} ${records === 1 ? 'record waits' : 'records wait'} for a snapshot, ` +
        `the oldest taken in ${ago(now - Date.parse(since))}`;
  return [stored, ...inMemory].join('; ');
}

function eventsOf(status: JsonObject): string {
  const figure = (name: string): string => count(Number(status[name]));
  return (
    `${figure('events_applied')} applied since the start, ` +
    `${figure('events_without_effect')} without effect; ${figure('records_ignored')} records ignored`
  );
}

function memoryOf(status: JsonObject): string {
  const [used, limit] = ['shard_memory_bytes', 'shard_memory_limit_bytes'].map((name) =>
    amount(Number(status[name])),
  );
  return `${used} of ${limit} for bodies of bins`;
}

function expiriesOf(status: JsonObject, now: number): string[] {
  const expires = Object.entries(status['expires'] as Readonly<Record<string, string>>);
  const lines = expires.map(([role, at], i) => {
    const left = Date.parse(at) - now;
    const version = role === 'root' ? `, version ${textOf(status['root_version'])}` : '';
    const when = left > 0 ? `in ${span(left)}` : `EXPIRED ${ago(-left)}`;
    const text = `${role.padEnd(10)} ${when} (${at.slice(0, 16)}Z)${version}`;
    return line(i === 0 ? 'expires' : '', text);
  });
  const due = textOf(status['next_due']);
  if (due !== undefined) {
    const left = Date.parse(due) - now;
    lines.push(line('  renewal', left > 0 ? `in ${span(left)}, at the latest` : 'is due'));
  }
  return lines;
}

function shapeOf(status: JsonObject): string {
  const part = (name: string): string => count(Number(status[name]));
  return `${part('bins')} bins (${textOf(status['delegation'])}), ${part('partitions')} partitions`;
}

function ago(ms: number): string {
  return ms < 1000 ? 'just now' : `${span(ms)} ago`;
}

const SPANS: readonly (readonly [unit: string, ms: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** In the largest unit of which there are at least two, so that it says enough. */
function span(ms: number): string {
  const [unit, size] = SPANS.find(([, each]) => ms >= 2 * each) ?? SPANS.at(-1)!;
  const number = Math.floor(ms / size);
  return `${count(number)} ${unit}${number === 1 ? '' : 's'}`;
}
