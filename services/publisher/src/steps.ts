/** The steps that a publisher does with each cut, timed for whoever watches. */

/** In their order. */
export type PublisherStep = 'assemble' | 'seal' | 'publish';

export interface PublisherObserver {
  /** Milliseconds of a clock that does not jump. */
  now(): number;
  took(step: PublisherStep, ms: number): void;
}

export class Steps {
  private readonly observer: PublisherObserver | undefined;

  constructor(observer: PublisherObserver | undefined) {
    this.observer = observer;
  }

  /** The moment at which a step begins. */
  get moment(): number {
    return this.observer?.now() ?? 0;
  }

  /** @returns the moment at which the step was done */
  took(step: PublisherStep, began: number): number {
    const { moment } = this;
    this.observer?.took(step, moment - began);
    return moment;
  }
}
