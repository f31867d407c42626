/**
 * In which order roles are asked for a path: depth first, in order of precedence, up to a terminating one.
 * https://theupdateframework.github.io/specification/latest/#update-targets
 */

import { RejectedInput } from '@tidemark/canonical';
import type { Delegations } from '@tidemark/tuf';
import { delegatesFor } from './delegations.ts';
import type { Delegated } from './trusted.ts';

export class Search {
  readonly path: string;
  private readonly rolesMax: number;
  private readonly visited = new Set<string>();
  private readonly waiting: Delegated[];

  /**
   * @param first whom everybody asks first
   * @param rolesMax how many delegated roles are asked
   */
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
    // Who is asked first was not delegated to.
    if (this.visited.size > this.rolesMax) {
      const message = `more than ${this.rolesMax} delegated roles would have to be asked for ${this.path}`;
      throw new RejectedInput('client.delegations', message);
    }
    this.visited.add(role.name);
    return role;
  }

  /** The role that was asked does not list the path, but delegates. */
  follow(delegations: Delegations | undefined): void {
    if (delegations === undefined) return;
    const delegates = delegatesFor(delegations, this.path);
    // Behind a terminating role nobody is asked any more, also not who would have come after its delegator.
    if (delegates.at(-1)?.terminating === true) this.waiting.length = 0;
    this.waiting.push(...delegates.toReversed());
  }
}
