/** Calls from one thread to another: a request with an id, an answer with the same one. */
import type { MessagePort } from 'node:worker_threads';
import { failureFrom, OperatingFault, plainFailure, type PlainFailure } from '@tidemark/canonical';

/** What the other end does on request, by name. */
export type Handlers = {
  readonly [name: string]: (...args: never[]) => unknown;
};

/** The same functions, called from here. */
export type Calls<H extends Handlers> = {
  readonly [name in keyof H]: (
    ...args: Parameters<H[name]>
  ) => Promise<Awaited<ReturnType<H[name]>>>;
};

interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: PlainFailure };

/** Answers calls until the port closes. */
export function serveCalls(port: MessagePort, handlers: Handlers): void {
  port.on('message', ({ id, name, args }: Request) => {
    const handler = handlers[name] as ((...args: readonly unknown[]) => unknown) | undefined;
    Promise.resolve()
      .then(() => handler?.(...args))
      .then((value): Answer => ({ id, value }))
      .catch((error: unknown): Answer => ({ id, failure: plainFailure(error) }))
      .then((answer) => port.postMessage(answer))
      .catch((error: unknown) => {
        throw error;
      });
  });
}

/** Calls what is served at the other end; what is under way when the port closes fails. */
export function connectCalls<H extends Handlers>(port: MessagePort): Calls<H> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let next = 0;
  let closed = false;
  port.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('failure' in answer) call?.reject(failureFrom(answer.failure));
    else call?.resolve(answer.value);
  });
  port.on('close', () => {
    closed = true;
    for (const call of waiting.values()) call.reject(gone());
    waiting.clear();
  });
  const call = async (name: string, args: readonly unknown[]): Promise<unknown> => {
    if (closed) throw gone();
    const id = next++;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    port.postMessage({ id, name, args } satisfies Request);
    return answer.promise;
  };
  return new Proxy({} as Calls<H>, {
    get: (_target, name) =>
      name === 'then' ? undefined : (...args: unknown[]) => call(String(name), args),
  });
}

function gone(): OperatingFault {
  return new OperatingFault('thread.gone', 'the thread that was asked has stopped');
}
