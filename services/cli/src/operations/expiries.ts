/** When what clients rely on expires. */
import { utf8 } from '@tidemark/canonical';
import { parseTimestamp } from '@tidemark/tuf';
import type { Engine } from '../engine/engine.ts';

const DOCUMENTS = ['root', 'targets', 'bins'] as const;
/** In the order in which a client reads them; bins signed online are renewed with their snapshots. */
const EXPIRING = [...DOCUMENTS, 'snapshot', 'timestamp'] as const;

export type Expiring = (typeof EXPIRING)[number];

/** By role, ms; absent before the first. */
export function expiriesOf({ publisher }: Engine): Map<Expiring, number> {
  const expiries = new Map<Expiring, number>();
  for (const role of DOCUMENTS) {
    const expires = publisher.control.view.documents[role]?.envelope.signed.expires;
    if (expires !== undefined) expiries.set(role, Date.parse(expires));
  }
  if (publisher.snapshotExpires !== undefined) expiries.set('snapshot', publisher.snapshotExpires);
  const timestamp = timestampExpires(publisher);
  if (timestamp !== undefined) expiries.set('timestamp', timestamp);
  return expiries;
}

/** Of the one that is served, ms. */
export function timestampExpires({ visible }: Engine['publisher']): number | undefined {
  if (visible === undefined) return undefined;
  return Date.parse(parseTimestamp(utf8(visible.timestamp)).signed.expires);
}
