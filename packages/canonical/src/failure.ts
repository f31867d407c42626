/**
 * The three classes of failure, the only ones in the project. Who catches an error decides by its class alone:
 * - {@link RejectedInput}: somebody's input is wrong. Coded, recorded, answered; never retried.
 * - {@link OperatingFault}: the world is wrong (disk, network, peer). Bounded retries, then stop with the reason.
 * - {@link BrokenInvariant}: we are wrong, or what we hold is damaged. Halt at once, say what and where.
 *
 * `code` is stable and dotted (`json.duplicate_key`); `message` is for people and may change.
 */

abstract class CodedError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The input is at fault: a 4xx, an ignored record, a recorded outcome. */
export class RejectedInput extends CodedError {}

/** The surroundings are at fault: retried within bounds, then the service stops. */
export class OperatingFault extends CodedError {}

/** The program or its stored state is at fault: nothing may continue. */
export class BrokenInvariant extends CodedError {}

/** What a step gives; undefined where it refuses its input, for whoever has another way then. */
export function accepted<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof RejectedInput) return undefined;
    throw error;
  }
}

/** A failure as a plain value, so that its class and code survive the way between two threads. */
export interface PlainFailure {
  readonly kind: 'RejectedInput' | 'OperatingFault' | 'BrokenInvariant';
  readonly code: string;
  readonly message: string;
}

const CLASSES = { RejectedInput, OperatingFault, BrokenInvariant };

/** Anything that is thrown and is none of the three classes is a defect of this program. */
export function plainFailure(error: unknown): PlainFailure {
  const message = error instanceof Error ? error.message : String(error);
  for (const kind of ['RejectedInput', 'OperatingFault', 'BrokenInvariant'] as const) {
    if (error instanceof CLASSES[kind]) return { kind, code: error.code, message };
  }
  const detail = error instanceof Error ? (error.stack ?? message) : message;
  return { kind: 'BrokenInvariant', code: 'program.defect', message: detail };
}

/** The failure that {@link plainFailure} described. */
export function failureFrom({ kind, code, message }: PlainFailure): Error {
  return new CLASSES[kind](code, message);
}
