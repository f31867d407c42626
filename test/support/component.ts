// Components that a test needs beyond Node (Python, a broker, a browser). One that cannot be had is
// a loud skip by name; with CI=true it is a failure, so that a green run means that all of it ran.
import { describe, test } from 'vitest';

/** A component that was found, or the reason why not. */
export type Component<T> =
  | { readonly name: string; readonly value: T }
  | { readonly name: string; readonly missing: string };

/** Tries to provide a component; never throws, since a missing one must not hide other suites. */
export async function findComponent<T>(
  name: string,
  provide: () => Promise<T>,
): Promise<Component<T>> {
  try {
    return { name, value: await provide() };
  } catch (error) {
    return { name, missing: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A suite that needs a component: provides it (once, before any test of the suite is collected) and
 * hands it to `body`. When it is missing the suite is one skipped test that names it, or one failed
 * test with CI=true. Call it with `await` at the top level of a test file.
 */
export async function requireComponent<T>(
  name: string,
  provide: () => Promise<T>,
  title: string,
  body: (component: T) => void,
): Promise<void> {
  const component = await findComponent(name, provide);
  if ('value' in component) {
    describe(title, () => body(component.value));
    return;
  }
  const reason = `needs ${name}: ${component.missing}`;
  describe(title, () => {
    if (process.env['CI'] === 'true') {
      test(reason, () => {
        throw new Error(reason);
      });
    } else {
      process.stderr.write(`\nSKIPPED ${title}: ${reason}\n`);
      test.skip(reason, () => {});
    }
  });
}
