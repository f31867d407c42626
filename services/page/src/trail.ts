/** The steps of a verification, done and not reached. */

/** What is checked, in order. Each stands on those before it. */
const CHECKS = {
  root: 'The first root is signed by its own keys, and each later root by the one before it',
  timestamp: 'timestamp.json is signed by the key that root names for it',
  targets: 'targets.json is the one in the Merkle map, signed by the keys that root names for it',
  bins: 'bins.json is the one in the Merkle map, signed by the keys that targets.json names for it',
  path: 'SHA-256 of the path leads to the bin',
  proof: 'The bin’s entry leads by its Merkle path to the merkle_root that timestamp.json states',
  file: 'The bin’s file has the length, the SHA-256 and the version of that entry',
  signature: 'The bin’s file is signed by the key that bins.json names for it',
  answer: 'The ledger’s answer on this path is what the bin’s file lists',
} as const;

type Check = keyof typeof CHECKS;

export interface Step {
  readonly check: Check;
  /** For people: what against what. */
  readonly what: string;
  readonly result: 'ok' | 'refused' | 'not reached';
  /** The values, or why not. */
  readonly detail: string;
}

/** The steps so far. */
export class Trail {
  private readonly done: Step[] = [];

  ok(check: Check, detail: string): void {
    this.done.push({ check, what: CHECKS[check], result: 'ok', detail });
  }

  refuse(detail: string): void {
    const [check] = this.rest();
    if (check !== undefined) {
      this.done.push({ check, what: CHECKS[check], result: 'refused', detail });
    }
  }

  steps(): readonly Step[] {
    const rest = this.rest().map((check) => {
      return { check, what: CHECKS[check], result: 'not reached', detail: '' } as const;
    });
    return [...this.done, ...rest];
  }

  private rest(): Check[] {
    return (Object.keys(CHECKS) as Check[]).slice(this.done.length);
  }
}
