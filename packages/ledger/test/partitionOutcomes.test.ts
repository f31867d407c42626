/** Events that change nothing: each with its code and place, as long as its batch and its id are remembered. */
import type { Event } from '@tidemark/event';
import { describe, expect, test } from 'vitest';
import { hourWindow, PartitionRun } from './partitionRun.ts';
import { HOUR, MINUTE, T0 } from './support.ts';
import { keyOf, TestLedger } from './testLedger.ts';
import { added, batch, binOf, contentHash, pathsOf, removed, yanked } from './uploads.ts';

describe('outcomes', () => {
  const [a, b, c] = pathsOf(0, 1, 3) as [string, string, string];
  const [foreign] = pathsOf(1, 1, 1) as [string];
  const start = async (conflict: 'reject' | 'replace' = 'reject'): Promise<PartitionRun> => {
    const run = await PartitionRun.open(TestLedger.ready({ policy: hourWindow(conflict) }));
    await run.add([batch([added('1', a, 'one'), added('2', b, 'one')], { seq: 1, time: T0 })]);
    return run;
  };
  /** Outcomes of events in one batch, the second of the log, that one cut later is folded. */
  const outcomesOf = async (run: PartitionRun, events: readonly Event[]) => {
    const { outcomes } = await run.add([batch(events, { seq: 2, time: T0 + 1000 })]);
    return outcomes;
  };

  test('of everything that changes nothing, each with its place', async () => {
    const run = await start();
    const version = run.partition.heads.version(binOf(a, 4));
    const events: [Event, ...(string | number)[]][] = [
      [added('3', a, 'two!'), 'conflict'],
      [added('4', a, 'one'), 'unchanged'],
      [removed('5', c), 'absent'],
      [yanked('6', c), 'absent'],
      [removed('7', a, { expected: 'absent' }), 'expected'],
      [removed('8', a, { expected: version + 1 }), 'expected'],
      [added('1', a, 'one'), 'duplicate', 1, 0],
      [added('2', b, 'one'), 'duplicate', 1, 1],
      [added('2', b, 'two!'), 'id_reused'],
      [added('3', a, 'two!'), 'duplicate', 2, 0],
      [added('9', foreign, 'one'), 'wrong_partition'],
    ];
    const outcomes = await outcomesOf(
      run,
      events.map(([event]) => event),
    );
    expect(outcomes).toEqual(events.map(([, ...outcome], index) => [2, index, ...outcome]));
  });

  test('within a cut, each event meets what those before it left', async () => {
    const run = await start();
    const version = run.partition.heads.version(binOf(a, 4));
    expect(
      await outcomesOf(run, [
        removed('3', a, { expected: version }),
        removed('4', a),
        added('5', a, 'two!', { expected: 'absent' }),
        yanked('6', a),
        // The version is that of the last cut: once the path was changed it is none.
        removed('7', a, { expected: version }),
        removed('8', a, { expected: contentHash('two!') }),
        added('9', c, 'one'),
        removed('10', c),
      ]),
    ).toEqual([
      [2, 1, 'absent'],
      [2, 4, 'expected'],
    ]);
    const held = run.partition.bodies.get(binOf(a, 4));
    expect(held.get(a)).toBeUndefined();
    expect(run.partition.bodies.get(binOf(c, 4)).get(c)).toBeUndefined();
  });

  test('an id counts for its subject and path alone', async () => {
    const run = await start('replace');
    run.events.push(
      batch([added('1', c, 'one'), { ...added('1', a, 'two!'), by: 1 }], {
        seq: 2,
        time: T0,
        subjects: ['alice', 'bob'],
      }),
    );
    const { outcomes, applied } = await run.take(run.cut());
    expect(outcomes).toEqual([]);
    expect(applied).toBe(2);
  });

  test('a batch too old or ahead of the clock is refused as a whole, at the exact limits', async () => {
    const run = await start();
    const time = T0 + 2 * HOUR;
    const at = (id: string, shift: number, seq: number): Uint8Array =>
      batch([added(id, c, id), added(`${id}x`, c, id)], { seq, time: time + shift });
    const { outcomes, ignored } = await run.add(
      [
        at('old', -HOUR - 1, 2),
        at('ahead', 600_001, 3),
        at('edge', -HOUR, 4),
        at('on', 600_000, 5),
      ],
      { time },
    );
    expect(outcomes).toEqual([
      [2, 0, 'stale'],
      [2, 1, 'stale'],
      [3, 0, 'clock_ahead'],
      [3, 1, 'clock_ahead'],
      [4, 1, 'unchanged'],
      [5, 0, 'conflict'],
      [5, 1, 'conflict'],
    ]);
    expect([...ignored]).toEqual([]);
  });

  test('a resend is ignored as long as its events are remembered, and stale from then on', async () => {
    const run = await start();
    const ahead = batch([added('9', c, 'one')], { seq: 2, time: T0 + 11 * MINUTE });
    const remove = batch([removed('10', c)], { seq: 3, time: T0 + 11 * MINUTE });
    await run.add([ahead, remove], { time: T0 + 2 * MINUTE });
    const resend = async (time: number) => {
      const { outcomes, ignored, applied } = await run.add([ahead], { time: T0 + time * MINUTE });
      return { codes: outcomes.map(([, , code]) => code), ignored: [...ignored.keys()], applied };
    };
    for (const time of [3, 61, 62, 71]) {
      expect(await resend(time)).toEqual({ codes: [], ignored: ['batch.resent'], applied: 0 });
    }
    await run.reopen();
    // The batch was ahead of its cut: it is forgotten only where its own time makes it stale.
    expect(await resend(71)).toEqual({ codes: [], ignored: ['batch.resent'], applied: 0 });
    expect(await resend(72)).toEqual({ codes: ['stale'], ignored: [], applied: 0 });
    expect(run.partition.bodies.get(binOf(c, 4)).get(c)).toBeUndefined();
  });

  test('a longer window does not bring forgotten events back to life', async () => {
    const run = await start();
    const { ledger } = run;
    const upload = batch([added('3', c, 'one')], { seq: 2, time: T0 });
    await run.add([upload, batch([removed('4', c)], { seq: 3, time: T0 })]);
    await run.add([], { time: T0 + 2 * HOUR });
    ledger.policy(1, { ...hourWindow('reject'), window_s: 86_400 });
    const { outcomes, applied } = await run.add([upload], { time: T0 + 2 * HOUR });
    expect(applied).toBe(0);
    expect(outcomes).toEqual([[4, 0, 'stale']]);
  });

  test('batches of strangers are ignored and counted; each reason', async () => {
    const run = await start();
    const events = [added('3', c, 'one')];
    const { ignored, applied, subtree } = await run.add([
      batch(events, { seq: 2, time: T0, signer: keyOf('stranger') }),
      batch(events, { seq: 2, time: T0, signer: keyOf('shard') }),
      batch(events, { seq: 2, time: T0, partition: 1 }),
      batch(events, { seq: 2, time: T0, ledger: 'f'.repeat(32) }),
      batch(events, { seq: 1, time: T0 }),
      Buffer.from('{}'),
      run.ledger.genesisBytes,
    ]);
    expect([...ignored]).toEqual([
      ['batch.signature', 2],
      ['batch.foreign', 2],
      ['batch.resent', 1],
      ['record.shape', 1],
      ['record.type', 1],
    ]);
    expect(applied).toBe(0);
    // They stand in the tree of the partition's events all the same.
    expect(subtree.events.size).toBe(2 + 7);
  });

  test('of the runs of intakes the oldest are forgotten; their batches are known by their events', async () => {
    const ledger = TestLedger.ready({ policy: { ...hourWindow('reject'), intakes_max: 2 } });
    const run = await PartitionRun.open(ledger);
    const from = (intake: string, event: Event, minutes: number): Uint8Array =>
      batch([event], { seq: 0, time: T0 + minutes * MINUTE, intake });
    const first = from('run-a', added('1', a, 'one'), 10);
    await run.add([first]);
    await run.add([from('run-b', removed('2', a), 1), from('run-c', removed('3', b), 1)], {
      time: T0 + MINUTE,
    });
    await run.reopen();
    for (const minutes of [2, 60, 69]) {
      const { ignored, outcomes } = await run.add([first], { time: T0 + minutes * MINUTE });
      // Until the run is known again: then it is the sequence number that is.
      if (ignored.size > 0) expect([...ignored]).toEqual([['batch.resent', 1]]);
      else expect(outcomes).toEqual([[run.events.length - 1, 0, 'duplicate', 1, 0]]);
    }
    // The batch was ten minutes ahead of its cut, so it and its events count ten minutes longer.
    await run.add([from('run-d', removed('4', b), 69), from('run-e', removed('5', b), 69)]);
    const last = await run.add([first], { time: T0 + 70 * MINUTE });
    expect(last.outcomes).toEqual([[run.events.length - 1, 0, 'duplicate', 1, 0]]);
    expect((await run.add([first], { time: T0 + 71 * MINUTE })).applied).toBe(0);
    expect(run.partition.bodies.get(binOf(a, 4)).get(a)).toBeUndefined();
  });
});
