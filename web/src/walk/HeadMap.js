/* All heads of the model: what each does, and how much less likely the next word is without it. */

import { html } from "htm/preact";
import { batch, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { likeliest, softmax } from "../engine/reply.js";
import { model } from "../network.js";
import { headNames } from "../parts/heads.js";
import { useRoving } from "../parts/roving.js";
import { quoted } from "../parts/words.js";
import { busy, currentStep, headChoice, headsOff, position, sequence, step, steps, tab, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { chosenHead } from "./Attention.js";
import { carriedBy } from "./carrying.js";
import { roles } from "./naming.js";
import { effects, isHidden, isRuled, nextId } from "./showing.js";

const AT_ONCE = 12; // ms

// {ids, at, off, before, changes}: of which word the changes are, measured without which heads, and how likely it was
const tried = signal(null);

const isWanted = signal(false); // whether the map is to be brought into sight

/* Brings the map into sight as soon as it is there, and gives it the focus. */
export const showHeadMap = () => (isWanted.value = true);

/* Measures what the next word loses without each head, a few between two pictures. */
export async function tryAll() {
  const { ids } = sequence.value, at = position.value, off = headsOff.value;
  const before = softmax(trace.value.logits(at))[nextId.value];
  const changes = [];
  let began = performance.now();
  for (const change of effects(at, nextId.value)) {
    changes.push(change);
    if (performance.now() - began < AT_ONCE) continue;
    tried.value = { ids, at, off, before, changes: [...changes] };
    await new Promise((picture) => setTimeout(picture));
    if (sequence.value?.ids !== ids || position.value !== at || headsOff.value !== off || busy.value) return;
    began = performance.now();
  }
  tried.value = { ids, at, off, before, changes };
}

/* Shows where a head looks. */
function goToHead(layer, head) {
  batch(() => {
    tab.value = "walk";
    step.value = steps.findIndex((one) => one.kind === "attention" && one.layer === layer);
    headChoice.value = head;
  });
  requestAnimationFrame(() => document.querySelector(".heads")?.scrollIntoView({ block: "start" }));
}

export function HeadMap() {
  const heading = useRef();
  useEffect(() => {
    if (!isWanted.value) return;
    isWanted.value = false;
    heading.current.focus({ preventScroll: true });
    heading.current.scrollIntoView({ block: "start" });
  }, [isWanted.value]);
  const { n_layers, n_heads } = model.config;
  const shown = sequence.value;
  const isTried = tried.value && tried.value.ids === shown?.ids && tried.value.at === position.value && tried.value.off === headsOff.value;
  const { changes: known, before } = isTried ? tried.value : { changes: [] };
  const without = (n) => before * Math.exp(-known[n]);
  const highest = Math.max(0.05, ...known.map(Math.abs));
  const most = known.length === n_layers * n_heads ? likeliest(known.map((change) => change ?? 0), 1)[0] : null;
  const { kind, layer: at } = currentStep.value;
  const here = shown && kind === "attention" && tab.value === "walk" ? at * n_heads + chosenHead() : null;
  const { onKeyDown, stop } = useRoving({ size: n_layers * n_heads, columns: n_heads, here: most ?? here ?? 0 });
  return html`<section class="head-map">
    <h3 ref=${heading} tabindex="-1">${t("headmap")}</h3>
    <p class="muted">${t("headmap.about")}</p>
    ${shown && nextId.value !== null && !isHidden.value && html`<div class="row">
      <button type="button" disabled=${busy.value} onClick=${tryAll}>${t("headmap.try")}</button>
      <span class="muted" aria-live="polite">${t(known.length ? "headmap.tried" : "headmap.try.about", { word: quoted(nextId.value) })}
        ${most !== null && html` <b>${t(carriedBy(before, without(most)), {
          word: quoted(nextId.value), layer: Math.floor(most / n_heads) + 1, head: (most % n_heads) + 1,
          before: percent(before), now: percent(without(most)),
        })}</b>`}
        ${known.length > 0 && headsOff.value.length > 0 && ` ${t("headmap.off", { heads: headNames(headsOff.value) })}`}
        ${isRuled.value && html` <span class="ruled">${t("ruled")}</span>`}</span>
      ${most !== null && html`<button type="button" class="strong" onClick=${() => goToHead(Math.floor(most / n_heads), most % n_heads)}>
        ${t("headmap.go", { layer: Math.floor(most / n_heads) + 1, head: (most % n_heads) + 1 })}</button>`}
    </div>`}
    <table role="grid" aria-label=${t("headmap")} onKeyDown=${onKeyDown}>
      <thead><tr><td></td>${[...Array(n_heads).keys()].map((head) => html`<th scope="col">${head + 1}</th>`)}</tr></thead>
      <tbody>${[...Array(n_layers).keys()].map(
        (layer) => html`<tr><th scope="row">${t("layer", { layer: layer + 1 })}</th>${[...Array(n_heads).keys()].map((head) => {
          const n = layer * n_heads + head, { role, share } = roles.value.of(layer, head), change = known[n];
          const size = change ? Math.min(1, Math.abs(change) / highest) : 0;
          const about = t("head.named", { layer: layer + 1, head: head + 1 }) + (role ? `, ${t(`role.${role}`)}` : "") +
            (change == null ? "" : `, ${t("effect", { before: percent(before), now: percent(without(n)) })}`);
          return html`<td><button type="button" ...${stop(n)} aria-current=${n === here ? "true" : null} title=${about}
            class=${`${n === here ? "here" : ""} ${n === most ? "most" : ""}`} style=${role === "name" ? `--share:${share.toFixed(2)}` : ""}
            onClick=${() => goToHead(layer, head)}>
            <span class="unseen">${about}</span><span aria-hidden="true" class=${`role ${role ?? ""}`}>${role ? t(`role.${role}.short`) : "·"}</span>
            ${change != null && html`<i class=${change < 0 ? "less" : "more"} style=${`height:${(100 * size).toFixed(0)}%`} />`}
          </button></td>`;
        })}</tr>`,
      )}</tbody>
    </table>
    <p class="legend">${["name", "previous", "same", "self", "first", "marks"].map(
      (role) => html`<span><b class=${`role ${role}`}>${t(`role.${role}.short`)}</b> ${t(`role.${role}`)}</span>`,
    )}</p>
  </section>`;
}
