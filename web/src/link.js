/* A link to a place in the page, for what refers to it: #tab=training, or #example=1&token=21&step=attention&layer=5&head=3.
Numbers are from 1, as the page shows them; what does not exist is left as it is. */

import { batch } from "@preact/signals";
import { carried } from "./carried.js";
import { headChoice, position, sequence, step, steps, tab } from "./state.js";
import { TABS } from "./tabs.js";
import { lastPosition } from "./walk/showing.js";

const wanted = () => new URLSearchParams(location.hash.slice(1));

const numberOf = (name, highest) => {
  const number = Number(wanted().get(name));
  return Number.isInteger(number) && number >= 1 && number <= highest ? number - 1 : null;
};

/* Which example a link names, from 0; the first where it names none. */
export const linkedExample = () => numberOf("example", carried.examples.length) ?? 0;

/* Goes to the place that the page's address names. */
export function followLink() {
  const { n_layers, n_heads } = carried.config;
  const layer = numberOf("layer", n_layers), head = numberOf("head", n_heads);
  const kind = wanted().get("step") ?? (layer === null ? null : "attention");
  const at = steps.findIndex((one) => one.kind === kind && (one.layer === undefined || one.layer === (layer ?? 0)));
  batch(() => {
    if (TABS.includes(wanted().get("tab"))) tab.value = wanted().get("tab");
    if (!sequence.value) return;
    const token = numberOf("token", sequence.value.ids.length);
    if (token !== null) position.value = Math.min(token, lastPosition.value);
    if (at < 0) return;
    step.value = at;
    headChoice.value = kind === "attention" ? head : null;
  });
}
