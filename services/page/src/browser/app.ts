/** The page: what the ledger is, that it works, what it does, and a search that proves what it says. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { about, health, now, snapshots, type Health, type RoleRow, type Snapshot } from './live.ts';
import { Plot } from './plot.ts';
import { addressOf, Search } from './search.ts';
import { plural, relative } from './words.ts';

export function App(): VNode {
  return html`
    <${Header} />
    <main>
      <${Search} />
      <${Activity} />
      <${Recent} />
      <${Roles} />
    </main>
    <footer>
      <small>
        <a href="./openapi.json">API</a>${' · '}
        <a href="./metadata/timestamp.json">timestamp.json</a>${' · '}
        <a href="./log/checkpoint">checkpoint of the snapshot log</a>${' · '}
        <a href="./readyz">readiness</a>
      </small>
    </footer>
  `;
}

function Header(): VNode {
  const { name, id, bins } = about.value ?? {};
  const newest = snapshots.value[0];
  return html`
    <header>
      <hgroup>
        <h1>${name === undefined ? 'Tidemark ledger' : `Tidemark ledger ${name}`}</h1>
        <p>
          Signs and proves the metadata of a package index, so that clients can verify every file
          even where a mirror, a CDN or the index itself is not to be trusted.${' '}
          <${State} of=${health.value} />
        </p>
      </hgroup>
      <dl class="figures">
        <${Figure} name="newest snapshot" value=${newest?.n.toLocaleString('en')} id="newest" />
        <${Figure} name="made" value=${newest && relative(newest.time - now.value)} />
        <${Figure} name="bins" value=${bins?.toLocaleString('en')} />
        <${Figure} name="ledger id" value=${id?.slice(0, 8)} title=${id} />
      </dl>
    </header>
  `;
}

interface FigureProps {
  readonly name: string;
  readonly value: string | undefined;
  readonly id?: string;
  readonly title?: string;
}

function Figure({ name, value, id, title }: FigureProps): VNode {
  return html`<div>
    <dt>${name}</dt>
    <dd id=${id} title=${title}>${value ?? '…'}</dd>
  </div>`;
}

function State({ of }: { readonly of: Health }): VNode {
  const text = {
    asking: 'Asking …',
    ready: 'It is working.',
    'not ready': 'It is not ready',
    silent: 'It cannot be reached',
  }[of.state];
  return html`<strong class=${`state ${of.state.replace(' ', '-')}`}
    >${text}${'why' in of ? `: ${of.why}` : ''}</strong
  >`;
}

function Activity(): VNode {
  return html`
    <section aria-labelledby="activity">
      <h2 id="activity">Changes</h2>
      <${Plot} snapshots=${snapshots.value} now=${now.value} />
    </section>
  `;
}

const RECENT = 8;
const PATHS = 3;

function Recent(): VNode {
  return html`
    <section aria-labelledby="recent">
      <h2 id="recent">Recent snapshots</h2>
      <ol class="recent">
        ${snapshots.value.slice(0, RECENT).map((each) => html`<${Row} key=${each.n} of=${each} />`)}
      </ol>
    </section>
  `;
}

function Row({ of: { n, time, changes, more } }: { readonly of: Snapshot }): VNode {
  const count = more
    ? `${changes.length} changes or more`
    : changes.length === 0
      ? 'no file changed'
      : plural(changes.length, 'change');
  return html`
    <li>
      <strong>${n.toLocaleString('en')}</strong> · ${relative(time - now.value)} · ${count}
      <ul>
        ${changes.slice(0, PATHS).map(
          ({ path, kind }) =>
            html`<li key=${path}>
              ${`${kind} `}
              <a href=${addressOf(path)}>${path}</a>
            </li>`,
        )}
      </ul>
    </li>
  `;
}

function Roles(): VNode {
  const rows = about.value?.roles ?? [];
  return html`
    <section aria-labelledby="roles">
      <h2 id="roles">Roles</h2>
      <p>
        Each role is a signed file. The bins list the files of the index; everything above them says
        whose signature counts.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">role</th>
            <th scope="col">version</th>
            <th scope="col">keys needed</th>
            <th scope="col">expires</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => html`<${RoleLine} key=${row.name} of=${row} />`)}
        </tbody>
      </table>
    </section>
  `;
}

function RoleLine({ of: { name, version, keys, expiresMs } }: { readonly of: RoleRow }): VNode {
  const left = expiresMs - now.value;
  return html`
    <tr>
      <th scope="row">${name}</th>
      <td>${version.toLocaleString('en')}</td>
      <td>${keys}</td>
      <td title=${new Date(expiresMs).toISOString()}>${left > 0 ? relative(left) : 'expired'}</td>
    </tr>
  `;
}
