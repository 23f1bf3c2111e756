/* The feed-forward: which of its units are on, and the words that the strongest of them make likelier. */

import { html } from "htm/preact";
import { useMemo } from "preact/hooks";
import { likeliest } from "../engine/reply.js";
import { model } from "../network.js";
import { Strip } from "../parts/Strip.js";
import { word } from "../parts/words.js";
import { currentStep, position, trace } from "../state.js";
import { number, percent, t } from "../texts/index.js";

const STRONGEST = 6;
const WORDS = 4;
const known = new Map(); // "layer.unit" → ids

/* The tokens whose logits a unit raises most, the norm behind it left out. */
function wordsOf(layer, unit) {
  const name = `${layer}.${unit}`;
  if (!known.has(name)) {
    const vector = model.unitVector(layer, unit);
    const [raised, bias] = model.lens([vector, vector.map(() => 0)]);
    known.set(name, likeliest(raised.map((logit, id) => (id < 4 ? -Infinity : logit - bias[id])), WORDS));
  }
  return known.get(name);
}

export function FeedForward() {
  const { layer } = currentStep.value;
  const units = trace.value.seen[position.value].units[layer];
  const isOn = units.reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
  const strongest = useMemo(() => likeliest(units, STRONGEST).filter((unit) => units[unit] > 0), [units]);
  const highest = units[strongest[0]] ?? 1;
  return html`<div class="ffn">
    <${Strip} name=${t("ffn.units", { n: number(units.length) })} values=${units} columns=${Math.min(128, units.length)} highest=${highest}
      note=${t("ffn.on", { on: number(isOn), share: percent(isOn / units.length) })} />
    <table class="units">
      <caption>${t("ffn.strongest")}</caption>
      <thead><tr><th scope="col">${t("ffn.unit")}</th><th scope="col">${t("ffn.strength")}</th><th scope="col">${t("ffn.words")}</th></tr></thead>
      <tbody>${strongest.map(
        (unit) => html`<tr key=${unit}><th scope="row">${unit}</th>
          <td><span class="bar"><i style=${`width:${(100 * units[unit]) / highest}%`} /></span><span class="value">${units[unit].toFixed(2)}</span></td>
          <td>${wordsOf(layer, unit).map((id) => html`<span class="said">${word(id)}</span>`)}</td></tr>`,
      )}</tbody>
    </table>
  </div>`;
}
