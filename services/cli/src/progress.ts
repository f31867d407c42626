/**
 * Says how far long work has come: on a terminal one line, redrawn; elsewhere (a log, a pipe) a line every few seconds.
 * Goes to standard error, so that what a command prints stays clean.
 */
import type { Writable } from 'node:stream';

export interface ProgressOptions {
  /** What is being done: `importing`. */
  readonly label: string;
  /** What is counted: `targets`. */
  readonly unit: string;
  /** How many there will be, if known. */
  readonly total?: number;
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

export interface Progress {
  /**
   * Cheap enough for every item.
   *
   * @param done      so far, of `total` if that was given
   * @param fraction  0 to 1; for work whose total is unknown but whose share is (bytes read of a file)
   */
  update(done: number, fraction?: number): void;
  /** The last word: the final count, rate and time on a line that stays. Also after a failure. */
  finish(): void;
}

const REDRAW_MS = 100;
const LINE_MS = 5000;
const BAR_CELLS = 20;
/** The rate shown is that of the last seconds, not of the whole: it should show when something slows down. */
const RATE_MS = 5000;

export function createProgress(options: ProgressOptions): Progress {
  const { output, label, unit, total } = options;
  const redraws = output.isTTY === true;
  const start = options.now();
  let shownAt = start;
  let marks = { older: { at: start, done: 0 }, newer: { at: start, done: 0 } };
  let rate = 0;
  let latest = { done: 0, fraction: total === undefined ? undefined : 0 };

  const draw = (now: number): void => {
    const line = lineOf({ ...latest, label, unit, total, rate, elapsed: now - start });
    // One column is left free: a full line makes some terminals wrap.
    output.write(redraws ? `\r\u001b[K${line.slice(0, (output.columns ?? 80) - 1)}` : `${line}\n`);
  };
  return {
    update(done, fraction) {
      latest = { done, fraction: fraction ?? (total === undefined ? undefined : done / total) };
      const now = options.now();
      if (now - shownAt < (redraws ? REDRAW_MS : LINE_MS)) return;
      shownAt = now;
      rate = perSecond(done - marks.older.done, now - marks.older.at);
      if (now - marks.newer.at >= RATE_MS) marks = { older: marks.newer, newer: { at: now, done } };
      draw(now);
    },
    finish() {
      const elapsed = options.now() - start;
      const overall = perSecond(latest.done, elapsed);
      const of = total === undefined || total === latest.done ? '' : ` of ${count(total)}`;
      const text = `${label}: ${count(latest.done)}${of} ${unit} in ${duration(elapsed)} (${count(overall)}/s)`;
      output.write(redraws ? `\r\u001b[K${text}\n` : `${text}\n`);
    },
  };
}

interface State {
  readonly label: string;
  readonly unit: string;
  readonly total: number | undefined;
  readonly done: number;
  readonly fraction: number | undefined;
  readonly rate: number;
  readonly elapsed: number;
}

function lineOf(state: State): string {
  const { label, unit, total, done, rate } = state;
  const counts = `${count(done)}${total === undefined ? '' : ` / ${count(total)}`} ${unit}`;
  const text = `${counts}, ${count(rate)}/s`;
  if (state.fraction === undefined) return `${label} ${text}, ${duration(state.elapsed)}`;
  const fraction = Math.min(Math.max(state.fraction, 0), 1);
  const cells = Math.round(fraction * BAR_CELLS);
  const bar = '#'.repeat(cells) + '-'.repeat(BAR_CELLS - cells);
  const left =
    fraction === 0 ? '' : `, ${duration((state.elapsed * (1 - fraction)) / fraction)} left`;
  return `${label} [${bar}] ${Math.floor(fraction * 100)}% ${text}${left}`;
}

function perSecond(done: number, milliseconds: number): number {
  return milliseconds <= 0 ? 0 : Math.round((done * 1000) / milliseconds);
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min` */
function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
