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
