/** `tidemark status`, for people or as JSON. */
import { askJson, textOf, type Access } from '../access.ts';

const LABELS: readonly (readonly [field: string, label: string])[] = [
  ['name', 'ledger'],
  ['snapshot', 'snapshot'],
  ['snapshot_time', '  made at'],
  ['classic_snapshot', '  snapshot.json'],
  ['merkle_root', '  merkle root'],
  ['next_due', '  next renewal'],
  ['root_version', 'root version'],
  ['root_expires', '  expires'],
  ['bins', 'bins'],
  ['partitions', 'partitions'],
  ['shards', 'shards'],
  ['events_applied', 'events applied since start'],
  ['events_without_effect', '  without effect'],
  ['records_ignored', 'records ignored'],
  ['queue_bytes', 'bytes waiting'],
  ['fault', 'waiting out'],
];

export async function statusReport(access: Access, json: boolean): Promise<string> {
  const status = await askJson(access, 'GET', '/v1/status');
  if (json) return JSON.stringify({ running: access.isRunning, ...status });
  const lines = LABELS.filter(([field]) => status[field] !== null).map(
    ([field, label]) => `${label.padEnd(28)}${textOf(status[field])}`,
  );
  const running = access.isRunning ? 'a server is running' : 'no server is running';
  return [`${'state'.padEnd(28)}${running}`, ...lines].join('\n');
}
