/* Words with a bar each: a probability or a score. rows: {id, share (0 to 1), text, isChosen}. */

import { html } from "htm/preact";
import { word } from "./words.js";

export function Bars({ rows, label }) {
  return html`<ol class="bars" aria-label=${label}>
    ${rows.map(
      ({ id, share, text, isChosen }) => html`<li key=${id} class=${isChosen ? "chosen" : ""}>
        <span class="word">${word(id)}</span>
        <span class="bar"><i style=${`width:${Math.max(0.4, 100 * share)}%`} /></span>
        <span class="value">${text}</span>
      </li>`,
    )}
  </ol>`;
}
