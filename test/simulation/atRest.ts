// What has to hold once a simulated ledger has come to rest: everybody shows the same, everything
// acknowledged is there, and nothing published is about to expire.
import type { Cast } from './cast.ts';
import { Violation } from './world.ts';

/** Everybody has come to the newest snapshot, and the stores hold just that. */
export function showsTheSame({ checks, model, publishers, shards }: Cast): void {
  const { top, newest } = model;
  if (newest === undefined) throw new Violation('rest', 'there is no snapshot');
  for (const host of publishers) {
    const n = host.publisher?.visible?.n;
    if (n !== newest.cut.n) {
      throw new Violation('rest', `${host.name} shows ${n}, sealed is ${newest.cut.n}`);
    }
    checks.publisher(host);
    for (const name of ['timestamp.json', 'checkpoint']) {
      if (host.files.get(name)?.version !== n) {
        throw new Violation('rest', `the store of ${host.name} has another ${name}`);
      }
    }
    for (const name of host.files.keys()) checks.store(host.files, name);
  }
  for (const host of shards) {
    for (const [p, { n }] of host.shard!.runners) {
      if (n !== top) throw new Violation('rest', `partition ${p} of ${host.name} is at ${n}`);
    }
  }
}

/** I1 and I2: every event that was acknowledged has its one fate, and publishers know it. */
export function keepsAcknowledged(cast: Cast): void {
  const { clients, model, publishers } = cast;
  for (const { event, receipts } of clients.uploads) {
    if (receipts.length === 0) throw new Violation('rest', `${event.id} is never answered`);
    for (const { partition, offset, index } of receipts) {
      const fate = model.partitions[partition]!.fates.get(offset)?.[index];
      if (fate === undefined) {
        const why = model.partitions[partition]!.ignored.get(offset) ?? 'not covered';
        if (why === 'signature' && isCutShort(cast, partition, offset)) continue;
        throw new Violation('I1', `${event.id} at ${partition}/${offset} is lost: ${why}`);
      }
      for (const host of publishers) {
        const shown = host.publisher!.fate({ partition, offset, index });
        const expected = fate === 'applied' ? fate : fate[2];
        const text = 'code' in shown ? shown.code : shown.state;
        if (text !== expected) {
          const what = `${event.id} is ${expected}, ${host.name} says ${text}`;
          throw new Violation('I1', what);
        }
      }
    }
  }
}

/**
 * Whether an offset was covered by a cut that somebody with a sealer's key made, of less control than
 * there was: so it may leave out that an intake's key was listed. Sealers never do that.
 */
function isCutShort({ junk, model }: Cast, partition: number, offset: number): boolean {
  for (const { cut } of model.truths.values()) {
    if (cut.vector[partition]! > offset) return junk.cuts.made.has(cut.hash);
  }
  return false;
}

/**
 * By the clock, everything published has more than a quarter of its life before it.
 * @param tick how long nobody may have had a turn, ms
 */
export function isFresh({ model, world }: Cast, tick: number): void {
  const { cut, bins, leaf } = model.newest!;
  const { expiry_s, renew_always_below_percent } = model.view.policy;
  const demand = (what: string, expires: number, life: number): void => {
    const left = expires - world.now;
    if (left >= (life * 1000 * renew_always_below_percent) / 100 - 2 * tick - 1000) return;
    throw new Violation('renewal', `${what} has ${left / 1000} s of ${life} left`);
  };
  const signed = (file: Uint8Array): number =>
    Date.parse(
      (JSON.parse(Buffer.from(file).toString()) as { signed: { expires: string } }).signed.expires,
    );
  demand('timestamp.json', signed(model.truths.get(cut.n)!.timestamp), expiry_s.timestamp);
  const { snapshot } = model.truths.get(leaf.snapshot.version)!;
  demand('snapshot.json', signed(snapshot!), expiry_s.snapshot);
  for (const [role, { expires }] of bins) demand(role, expires * 1000, expiry_s.bins);
}
