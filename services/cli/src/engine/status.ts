/** What an operator wants to know at a glance, as a value. */
import type { Engine } from './engine.ts';
import { expiriesOf } from '../operations/expiries.ts';
import { reasonsAgainst, vitalsOf } from './ready.ts';

export async function statusOf(engine: Engine) {
  const { genesis, publisher, intake } = engine;
  const { figures } = engine.shards;
  const { visible, control } = publisher;
  const backlog = await engine.backlog.get();
  const root = control.view.documents.root;
  return {
    ledger: genesis.ledger,
    name: genesis.name,
    bins: 2 ** genesis.bits,
    partitions: genesis.partitions,
    delegation: genesis.delegation,
    shards: figures.runningCount,
    snapshot: visible?.n ?? 0,
    snapshot_time: visible === undefined ? null : new Date(visible.time).toISOString(),
    classic_snapshot: visible?.classic ?? 0,
    classic_ms: control.view.policy.classic_ms,
    conflict: control.view.policy.conflict,
    merkle_root: visible?.merkleRoot ?? null,
    root_version: root?.version ?? 0,
    root_expires: root?.envelope.signed.expires ?? null,
    cut: control.last.n,
    next_due: publisher.dueNext === 0 ? null : new Date(publisher.dueNext).toISOString(),
    events_applied: figures.applied,
    events_without_effect: figures.rejected,
    records_ignored: figures.ignored + [...control.ignored.values()].reduce((a, b) => a + b, 0),
    queue_bytes: intake.queueBytes,
    backlog_records: backlog.records,
    backlog_since: backlog.since === undefined ? null : new Date(backlog.since).toISOString(),
    expires: Object.fromEntries(
      Array.from(expiriesOf(engine), ([role, ms]) => [role, new Date(ms).toISOString()]),
    ),
    shard_memory_bytes: figures.memoryBytes,
    shard_memory_limit_bytes: engine.options.memoryBudgetBytes,
    reasons: reasonsAgainst(vitalsOf(engine), Date.now()).map(({ code, detail }) => ({
      code,
      detail,
    })),
    fault: engine.fault === undefined ? null : `${engine.fault.code}: ${engine.fault.message}`,
  };
}
