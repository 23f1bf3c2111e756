/* How the next word is drawn. */

import { html } from "htm/preact";
import { options } from "../state.js";
import { t } from "../texts/index.js";

const FIELDS = [
  { name: "temperature", max: 2, step: 0.1 },
  { name: "topK", max: 1000, step: 1 },
  { name: "topP", max: 1, step: 0.05 },
  { name: "seed", max: 4294967295, step: 1 },
];

export function Options() {
  const change = (name, max) => (event) => {
    const value = Number(event.target.value);
    if (Number.isFinite(value)) options.value = { ...options.value, [name]: Math.max(0, Math.min(max, value)) };
  };
  const isGreedy = options.value.temperature === 0;
  return html`<details class="options">
    <summary>${t("options")} <span class="muted">${isGreedy ? t("options.greedy") : t("options.drawn", options.value)}</span></summary>
    <div class="fields">${FIELDS.map(
      ({ name, max, step }) => html`<label key=${name}>${t(`options.${name}`)}
        <input type="number" min="0" max=${max} step=${step} value=${options.value[name]} disabled=${isGreedy && name !== "temperature"} onChange=${change(name, max)} /></label>`,
    )}</div>
    <p class="muted">${t("options.about")}</p>
  </details>`;
}
