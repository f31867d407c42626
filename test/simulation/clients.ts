// Uploaders: they send events, send them again when the answer is lost, and keep their receipts.
import { sha256HexNative } from '@tidemark/canonical/native';
import { parseEvent, type Event } from '@tidemark/event';
import type { Receipt } from '@tidemark/intake';
import type { JsonObject } from '@tidemark/canonical';
import type { IntakeHost } from './hosts.ts';
import type { World } from './world.ts';

/** An event on its way, or acknowledged. */
export interface Upload {
  readonly event: Event;
  readonly subject: string;
  readonly receipts: Receipt[];
  /** The process that holds it unanswered, if any. */
  waitsFor: IntakeHost['life'];
}

export class Clients {
  private readonly world: World;
  private readonly intakes: readonly IntakeHost[];
  private readonly paths: readonly string[];
  readonly uploads: Upload[] = [];

  constructor(world: World, intakes: readonly IntakeHost[]) {
    const { random } = world;
    this.world = world;
    this.intakes = intakes;
    this.paths = Array.from({ length: random.between(3, 12) }, (_, i) =>
      random.chance(0.5) ? `p${i}-1.0.whl` : `pool/p${i}/${random.hex(4)}.deb`,
    );
  }

  /** Uploads that no receipt is there for. */
  get unanswered(): Upload[] {
    return this.uploads.filter(({ receipts }) => receipts.length === 0);
  }

  /** Sends some new events. */
  upload(): void {
    const { random } = this.world;
    const intake = this.running();
    if (intake === undefined) return;
    const count = random.pick([1, 1, 2, 5]);
    const uploads = Array.from({ length: count }, (): Upload => ({
      event: this.event(),
      subject: random.pick(['alice', 'bob']),
      receipts: [],
      waitsFor: undefined,
    }));
    this.uploads.push(...uploads);
    for (const subject of ['alice', 'bob']) {
      this.send(
        intake,
        uploads.filter((upload) => upload.subject === subject),
      );
    }
  }

  /** Sends something again: what was not answered, or, sometimes, what was. */
  resend(): void {
    const { random } = this.world;
    const intake = this.running();
    if (intake === undefined || this.uploads.length === 0) return;
    const unanswered = this.unanswered;
    const upload = random.pick(
      unanswered.length > 0 && random.chance(0.8) ? unanswered : this.uploads,
    );
    this.send(intake, [upload]);
  }

  /** Sends all again that nobody will answer any more. @returns whether there was any */
  resendAll(): boolean {
    const open = this.unanswered.filter(({ waitsFor }) => waitsFor?.alive !== true);
    const intake = this.running();
    if (open.length === 0 || intake === undefined) return false;
    for (const upload of open) this.send(intake, [upload]);
    return true;
  }

  private send(intake: IntakeHost, uploads: readonly Upload[]): void {
    const [first] = uploads;
    if (first === undefined) return;
    const { life } = intake;
    for (const upload of uploads) upload.waitsFor = life;
    this.world.note(
      `client sends ${uploads.map(({ event }) => event.id).join(' ')} to ${life!.name}`,
    );
    intake
      .intake!.submit(
        uploads.map(({ event }) => event),
        first.subject,
      )
      .then(
        (receipts) => {
          receipts.forEach((receipt, i) => uploads[i]!.receipts.push(receipt));
        },
        () => {
          for (const upload of uploads) upload.waitsFor = undefined;
        },
      );
  }

  private running(): IntakeHost | undefined {
    const running = this.intakes.filter(({ intake }) => intake !== undefined);
    return running.length === 0 ? undefined : this.world.random.pick(running);
  }

  private event(): Event {
    const { random } = this.world;
    const type = random.weighted([
      [6, 'target.added'],
      [2, 'target.removed'],
      [2, 'target.yanked'],
    ] as const);
    const path = random.pick(this.paths);
    // Now and then an id is used a second time, for something else.
    const again = random.chance(0.05) && this.uploads.length > 0;
    const id = again
      ? random.pick(this.uploads).event.id
      : `e${this.uploads.length}-${random.hex(4)}`;
    const content = random.below(3);
    const hashOf = (content: number): string => sha256HexNative(`${path} ${content}`);
    const custom = random.pick<JsonObject | undefined>([
      undefined,
      undefined,
      { note: `n${random.below(3)}` },
      { yanked: random.chance(0.5) },
    ]);
    const expected = random.chance(0.7)
      ? undefined
      : random.pick(['absent', hashOf(random.below(3)), random.between(1, 60)]);
    return parseEvent({
      id,
      type,
      path,
      ...(type === 'target.added'
        ? { length: content * 10 + 1, hashes: { sha256: hashOf(content) } }
        : {}),
      ...(custom === undefined || type === 'target.removed' ? {} : { custom }),
      ...(expected === undefined ? {} : { expected }),
    });
  }
}
