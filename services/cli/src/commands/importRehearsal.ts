/** `tidemark import --dry-run`: what each line would come to, by the ledger's own rules, and without sending it. */
import { canonicalText, RejectedInput } from '@tidemark/canonical';
import { decide } from '@tidemark/ledger';
import type { GoodLine } from '../sources.ts';
import { countCode, isAsWanted, kindOf, placeOf } from './importAccount.ts';
import type { Counting } from './importBatch.ts';
import { lookUp } from './listed.ts';
import { REASONS } from './reasons.ts';

const LOOKED_UP_LINES = 1000;
/** Paths that would change are remembered, some 400 bytes each: later lines may be about them. */
const CHANGED_MAX = 4_000_000;

/** A path as it would be: its target's canonical value, or undefined where nothing is listed. */
interface State {
  readonly value: string | undefined;
  /** Of the bin, as long as nothing would change the path. */
  readonly version: number | undefined;
}

/**
 * Compares lines with what the newest snapshot lists and what the lines before them would have made of that. Whether an
 * event with an id of its own was sent before is not known: it counts as a new one.
 */
export class Rehearsal {
  private readonly counting: Counting;
  private readonly conflict: 'reject' | 'replace';
  private readonly changed = new Map<string, State>();
  private lines: GoodLine[] = [];

  constructor(counting: Counting, conflict: 'reject' | 'replace') {
    this.counting = counting;
    this.conflict = conflict;
  }

  /** @throws RejectedInput `import.dry_run` where it changes too much */
  async add(line: GoodLine): Promise<void> {
    this.lines.push(line);
    if (this.lines.length >= LOOKED_UP_LINES) await this.end();
  }

  async end(): Promise<void> {
    const { lines } = this;
    this.lines = [];
    await lookUp(
      this.counting.access,
      lines,
      ({ event }) => event.path,
      (line, { target, version }) => {
        const held = { value: target === null ? undefined : canonicalText(target), version };
        this.judge(line, this.changed.get(line.event.path) ?? held);
        this.counting.tell();
      },
    );
  }

  private judge(line: GoodLine, held: State): void {
    const { event } = line;
    const { account, report } = this.counting;
    const decision = decide(event, held, this.conflict);
    if ('value' in decision) {
      account[kindOf(event, held.value !== undefined)]++;
      this.changed.set(event.path, { value: decision.value ?? undefined, version: undefined });
      if (this.changed.size <= CHANGED_MAX) return;
      const message = `more than ${CHANGED_MAX} paths would change: compare the list in parts`;
      throw new RejectedInput('import.dry_run', message);
    }
    const { code } = decision;
    if (isAsWanted(event, code)) {
      account.unchanged++;
      return;
    }
    countCode(account.rejected, code);
    report({ ...placeOf(line), code, message: REASONS.get(code) ?? '' });
  }
}
