import { createSigner } from '@tidemark/canonical/native';
import { createHash, randomUUID } from 'node:crypto';
import { decodeBatch, decodeRecord, encodeBatch, encodeEvent, signRecord } from '../src/index.ts';
import type { Event } from '../src/index.ts';
const s = createSigner(new Uint8Array(32).fill(1));
const mk = (n: number, c: boolean): Event[] =>
  Array.from({ length: n }, (_, i) => ({
    id: randomUUID(),
    type: 'target.added' as const,
    path: `project-${i}/project_${i}-1.2.${i}-py3-none-any.whl`,
    length: 12345 + i,
    hashes: {
      sha256: createHash('sha256')
        .update('x' + i)
        .digest('hex'),
    },
    ...(c ? { custom: { 'requires-python': '>=3.8', yanked: false } } : {}),
  }));
const h = {
  ledger: 'ab'.repeat(16),
  partition: 3,
  intake: 'run-1',
  seq: 5,
  time: Date.now(),
  subjects: ['token:alice'],
};
for (const c of [false, true]) {
  const events = mk(200, c);
  const bytes = encodeBatch(h, events.map(encodeEvent), s);
  console.log(bytes.length);
  for (let r = 0; r < 4; r++) {
    let t = performance.now();
    for (let i = 0; i < 500; i++) decodeBatch(bytes);
    const d = ((performance.now() - t) / 500 / 200) * 1e3;
    t = performance.now();
    for (let i = 0; i < 500; i++) for (const e of events) encodeEvent(e);
    const en = ((performance.now() - t) / 500 / 200) * 1e3;
    t = performance.now();
    for (let i = 0; i < 500; i++) JSON.parse(new TextDecoder().decode(bytes));
    const jp = ((performance.now() - t) / 500 / 200) * 1e3;
    console.log(
      'decode us/event',
      d.toFixed(3),
      'encode',
      en.toFixed(3),
      'JSON.parse',
      jp.toFixed(3),
    );
  }
}
const leaves = Array.from(
  { length: 128 },
  (_, i) => [`bin-${i.toString(16)}`, i + 1, 2000, 'ab'.repeat(32), 'cd'.repeat(64)] as const,
);
const rb = signRecord({ type: 'roles', v: 1, n: 1, partition: 0, i: 0, leaves }, []);
for (let r = 0; r < 3; r++) {
  const t = performance.now();
  for (let i = 0; i < 300; i++) decodeRecord(rb);
  console.log('roles decode us/record', ((performance.now() - t) / 300) * 1e3);
}
