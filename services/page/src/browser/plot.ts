/** Changes over the last minutes, as bars. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { Snapshot } from './live.ts';
import { plural, relative } from './words.ts';

const SPAN_MS = 10 * 60_000;
const BAR_MS = 10_000;
const BARS = SPAN_MS / BAR_MS;
/** So that a single change does not look like a flood. */
const TOP_MIN = 5;

interface PlotProps {
  /** Newest first, without a gap. */
  readonly snapshots: readonly Snapshot[];
  /** The server's time. */
  readonly now: number;
}

export function Plot({ snapshots, now }: PlotProps): VNode {
  const counts = barsOf(snapshots, now);
  const top = Math.max(TOP_MIN, ...counts);
  const shown = snapshots.filter(({ time }) => time > now - SPAN_MS);
  const sum = shown.reduce((total, { changes }) => total + changes.length, 0);
  const amount = `${shown.some(({ more }) => more) ? 'At least ' : ''}${plural(sum, 'change')}`;
  // What is older than the oldest snapshot asked for is not known, unless there is nothing older.
  const oldest = snapshots.at(-1);
  const isWhole = oldest === undefined || oldest.before === 0 || shown.length < snapshots.length;
  const span = isWhole ? `in ${SPAN_MS / 60_000} minutes` : `since ${relative(oldest.time - now)}`;
  const caption = `${amount} ${span}; a bar is ${BAR_MS / 1000} seconds, the whole height ${top.toLocaleString('en')}.`;
  return html`
    <figure>
      <svg class="plot" viewBox="0 0 ${BARS} 100" preserveAspectRatio="none" aria-hidden="true">
        ${counts.map((count, bar) => {
          const height = (100 * count) / top;
          return html`<rect x=${bar + 0.1} y=${100 - height} width="0.8" height=${height} />`;
        })}
      </svg>
      <figcaption><small>${caption}</small></figcaption>
    </figure>
  `;
}

/** Changes in each bar of the span, oldest first. */
function barsOf(snapshots: readonly Snapshot[], now: number): number[] {
  const first = Math.floor(now / BAR_MS) - BARS + 1;
  const counts = Array<number>(BARS).fill(0);
  for (const { time, changes } of snapshots) {
    // A cut may be a little ahead of this clock.
    const bar = Math.min(Math.floor(time / BAR_MS) - first, BARS - 1);
    if (bar >= 0) counts[bar] = (counts[bar] ?? 0) + changes.length;
  }
  return counts;
}
