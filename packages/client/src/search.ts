/**
 * In which order roles are asked for a path: depth first, in order of precedence, up to a terminating one.
 * https://theupdateframework.github.io/specification/latest/#update-targets
 */

import { RejectedInput } from '@tidemark/canonical';
import type { Delegations } from '@tidemark/tuf';
import { type Delegate, delegatesFor } from './delegations.ts';
import type { Delegated } from './trusted.ts';

/** The roles whose files have names of their own; nobody else may be called so. */
const TOP_LEVEL: ReadonlySet<string> = new Set(['root', 'timestamp', 'snapshot', 'targets']);

export class Search {
  readonly path: string;
  private readonly rolesMax: number;
  private readonly visited = new Set<string>();
  private readonly waiting: Delegated[];

  /** @param first whom everybody asks first */
  constructor(path: string, first: Delegated, rolesMax: number) {
    this.path = path;
    this.rolesMax = rolesMax;
    this.waiting = [first];
  }

  /** Whom to ask now; undefined where nobody is left. @throws RejectedInput `client.delegations` */
  next(): Delegated | undefined {
    let role = this.waiting.pop();
    while (role !== undefined && this.visited.has(role.name)) role = this.waiting.pop();
    if (role === undefined) return undefined;
    if (this.visited.size === this.rolesMax) {
      const message = `more than ${this.rolesMax} roles would have to be asked for ${this.path}`;
      throw new RejectedInput('client.delegations', message);
    }
    this.visited.add(role.name);
    return role;
  }

  /** The role that was asked does not list the path, but delegates. @throws RejectedInput `client.role_name` */
  follow(delegations: Delegations | undefined): void {
    if (delegations === undefined) return;
    const delegates = delegatesFor(delegations, this.path);
    // Behind a terminating role nobody is asked any more, also not who would have come after its delegator.
    if (delegates.at(-1)?.terminating === true) this.waiting.length = 0;
    for (const delegate of delegates.toReversed()) this.waiting.push(demandOwnName(delegate));
  }
}

/** A role of a name of its own. @throws RejectedInput `client.role_name` */
function demandOwnName(delegate: Delegate): Delegate {
  if (!TOP_LEVEL.has(delegate.name)) return delegate;
  throw new RejectedInput('client.role_name', `a delegated role is called ${delegate.name}`);
}
