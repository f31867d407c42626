/** Puts the page where the text for readers without JavaScript was, and keeps it up to date. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { App } from './app.ts';
import { follow } from './live.ts';
import { followAddress } from './search.ts';

document.body.replaceChildren();
render(html`<${App} />`, document.body);
followAddress();
await follow();
