/* The whole model in one row: where the walk stands, and a click away from any step. It is one stop of the Tab key; the arrows
go from step to step, as everywhere in the walk (Controls.js), and take the focus along. */

import { html } from "htm/preact";
import { batch } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { headChoice, step, steps } from "../state.js";
import { t } from "../texts/index.js";

export function goToStep(n) {
  batch(() => {
    step.value = n;
    headChoice.value = null;
  });
}

export function Ribbon() {
  const groups = [];
  steps.forEach(({ kind, layer }, n) => {
    const last = groups.at(-1);
    if (layer !== undefined && last?.layer === layer) last.steps.push(n);
    else groups.push({ kind, layer, steps: [n] });
  });
  return html`<div class="ribbon" role="toolbar" aria-label=${t("ribbon.label")}>
    ${groups.map(({ kind, layer, steps: some }) => html`<div key=${some[0]} class=${`group ${some.includes(step.value) ? "here" : ""} ${layer === undefined ? "" : "layer"}`}>
      ${layer === undefined
        ? html`<${Box} n=${some[0]} text=${t(`short.${kind}`)} about=${t(`step.${kind}`, {})} />`
        : html`<span class="title">${t("layer", { layer: layer + 1 })}</span>
          <span class="boxes">${some.map((n) => html`<${Box} key=${n} n=${n} text=${t(`short.${steps[n].kind}`)}
            about=${`${t("layer", { layer: layer + 1 })}, ${t(`step.${steps[n].kind}`, { layer: layer + 1 })}`} />`)}</span>`}
    </div>`)}
  </div>`;
}

function Box({ n, text, about }) {
  const box = useRef(), isHere = n === step.value;
  useEffect(() => {
    if (!isHere) return;
    const { parentElement: group } = box.current.closest(".group"), { offsetLeft, offsetWidth } = box.current;
    group.scrollLeft = offsetLeft - (group.clientWidth - offsetWidth) / 2; // on a phone the row is wider than the screen
    if (group.contains(document.activeElement)) box.current.focus({ preventScroll: true });
  }, [isHere]);
  return html`<button type="button" ref=${box} class=${`box ${n < step.value ? "done" : ""}`} tabindex=${isHere ? 0 : -1} aria-current=${isHere ? "step" : null}
    title=${about} onClick=${() => goToStep(n)}><span>${text}</span><span class="unseen">: ${about}</span></button>`;
}
