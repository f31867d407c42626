/** The search: from a path to a verdict that this browser came to by itself. */
import { computed, signal } from '@preact/signals';
import { OperatingFault, RejectedInput } from '@tidemark/canonical';
import { pathInUrl } from '@tidemark/tuf';
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { collect } from '../collect.ts';
import type { Step } from '../trail.ts';
import { verifyPath, type Verdict } from '../verify.ts';
import { snapshots } from './live.ts';
import { fetchBytes } from './server.ts';

type Found =
  | { readonly state: 'working' | 'failed'; readonly path: string; readonly why: string }
  | { readonly state: 'done'; readonly path: string; readonly verdict: Verdict };

const asked = signal('');
const found = signal<Found | undefined>(undefined);
/** A path that is there, for who has none at hand. */
const example = computed(
  () =>
    snapshots.value.flatMap(({ changes }) => changes).find(({ kind }) => kind === 'added')?.path,
);

/** The address, on this page, of a path's verification. */
export function addressOf(path: string): string {
  return `#${pathInUrl(path)}`;
}

/** Verifies the path that the page's address names, now and whenever it names another one. */
export function followAddress(): void {
  addEventListener('hashchange', () => void verifyAddress());
  void verifyAddress();
}

async function verifyAddress(): Promise<void> {
  const path = pathIn(location.hash);
  if (path === '') return;
  document.getElementById('search')?.scrollIntoView();
  await verify(path);
}

function pathIn(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch (error) {
    if (error instanceof URIError) return hash.slice(1);
    throw error;
  }
}

/** Fetches all that speaks for or against a path, and judges it. */
async function verify(path: string): Promise<void> {
  asked.value = path;
  found.value = { state: 'working', path, why: `Verifying ${path} …` };
  const result = await judge(path);
  // Somebody may have asked for another one meanwhile.
  if (found.value.path === path) found.value = result;
}

async function judge(path: string): Promise<Found> {
  try {
    const verdict = verifyPath(await collect(fetchBytes, path), Date.now());
    return { state: 'done', path, verdict };
  } catch (error) {
    if (!(error instanceof OperatingFault || error instanceof RejectedInput)) throw error;
    return { state: 'failed', path, why: error.message };
  }
}

export function Search(): VNode {
  return html`
    <section aria-labelledby="search">
      <h2 id="search">Verify a file</h2>
      <p>
        Your browser fetches the proof that a path is listed, or is not, and checks each step of it
        by itself.
      </p>
      <form role="search" onSubmit=${submit}>
        <input
          type="search"
          aria-label="Path of a file in the index"
          placeholder="pool/main/…"
          autocomplete="off"
          autocapitalize="off"
          spellcheck=${false}
          required
          maxlength="512"
          value=${asked.value}
          onInput=${(event: InputEvent) => (asked.value = (event.target as HTMLInputElement).value)}
        />
        <button type="submit">Verify</button>
      </form>
      ${
        example.value &&
        html`<p>
          <small>
            For example${' '}
            <a href=${addressOf(example.value)}>${example.value}</a>
          </small>
        </p>`
      }
      <p role="status" class=${toneOf(found.value)}>${summaryOf(found.value)}</p>
      ${found.value?.state === 'done' && html`<${Steps} verdict=${found.value.verdict} />`}
    </section>
  `;
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const address = addressOf(asked.value.trim());
  // The same address again is no change of it.
  if (location.hash === address) void verifyAddress();
  else location.hash = address;
}

function summaryOf(found: Found | undefined): string {
  if (found === undefined) return '';
  if (found.state !== 'done') return found.why;
  const { path, verdict } = found;
  const { outcome, target, role } = verdict;
  if (outcome === 'refused') return `${path}: the proof is refused.`;
  if (target === undefined) {
    return `${path} is not in the index. Proved: ${role} is where it would be listed.`;
  }
  const yanked =
    target.custom?.['yanked'] === undefined ? '' : ' It is yanked: not to be used any more.';
  return `${path} is in the index: listed by ${role} with ${target.length.toLocaleString('en')} bytes and SHA-256 ${target.hashes.get('sha256')}.${yanked}`;
}

function toneOf(found: Found | undefined): string {
  if (found?.state === 'done') return found.verdict.outcome === 'refused' ? 'bad' : 'good';
  return found?.state === 'failed' ? 'bad' : '';
}

function Steps({ verdict }: { readonly verdict: Verdict }): VNode {
  return html`
    <ol class="steps" aria-label="What this browser checked">
      ${verdict.steps.map((step) => html`<${Line} key=${step.check} of=${step} />`)}
    </ol>
    <p>
      <small>
        Checked in this browser, from the files alone. A page cannot vouch for the server that sent
        it: compare the first root’s SHA-256 with the one you were given, or verify with a TUF
        client.
      </small>
    </p>
  `;
}

function Line({ of: { what, result, detail } }: { readonly of: Step }): VNode {
  return html`
    <li class=${result.replace(' ', '-')}>
      <strong>${result}</strong> ${what} ${detail !== '' && html`<br /><small>${detail}</small>`}
    </li>
  `;
}
