/* The whole model with its shapes and parameter counts; the step of the walk is lit, and each box opens. */

import { html } from "htm/preact";
import { model } from "../network.js";
import { currentStep, sequence, steps, tab } from "../state.js";
import { number, t } from "../texts/index.js";
import { HeadMap } from "../walk/HeadMap.js";
import { goToStep } from "../walk/Ribbon.js";

/* The parts of the network: {key, kind (the walk's step), shape, parameters}. */
export function partsOf({ vocab_size: v, embed_dim: d, ffn_dim: f, max_len }) {
  return {
    input: [
      { key: "word_embedding", kind: "input", shape: [v, d], parameters: v * d },
      { key: "pos_embedding", kind: "input", shape: [max_len, d], parameters: max_len * d },
      { key: "norm", kind: "input", shape: [d], parameters: 2 * d },
    ],
    layer: [
      { key: "self_attn", kind: "attention", shape: [d, d], parameters: 4 * (d * d + d) },
      { key: "norm1", kind: "norm1", shape: [d], parameters: 2 * d },
      { key: "ffn", kind: "ffn", shape: [d, f, d], parameters: 2 * d * f + f + d },
      { key: "norm2", kind: "norm2", shape: [d], parameters: 2 * d },
    ],
    output: [
      { key: "output_layer", kind: "output", shape: [d, v], parameters: d * v + v },
      { key: "softmax", kind: "softmax", shape: [v], parameters: 0 },
    ],
  };
}

const total = (parts) => parts.reduce((sum, part) => sum + part.parameters, 0);

export function ModelMap() {
  const { config } = model;
  const parts = partsOf(config);
  const all = total(parts.input) + config.n_layers * total(parts.layer) + total(parts.output);
  const here = currentStep.value;
  return html`<div class="map">
    <h2>${t("map")}</h2>
    <p>${t("map.about", { all: number(all), layers: config.n_layers, heads: config.n_heads })}</p>
    <${Group} name="input_layer" section="§8" parts=${parts.input} />
    <p class="arrow" aria-hidden="true">↓</p>
    <div class="layers">
      ${[...Array(config.n_layers).keys()].map(
        (layer) => html`<${Group} key=${layer} name=${`decoder_layers.${layer}`} title=${t("layer", { layer: layer + 1 })} section="§9" layer=${layer} parts=${parts.layer}
          isOpen=${layer === (here.layer ?? 0)} />`,
      )}
    </div>
    <p class="arrow" aria-hidden="true">↓</p>
    <${Group} name="output_layer" section="§10" parts=${parts.output} />
    <${HeadMap} />
  </div>`;
}

function Group({ name, title, section, parts, layer, isOpen = true }) {
  const here = currentStep.value;
  const isLit = (part) => here.layer === layer && (here.kind === part.kind || (here.kind === "choice" && part.kind === "softmax"));
  return html`<details class=${`part ${parts.some(isLit) ? "here" : ""}`} open=${isOpen}>
    <summary><span class="section">${section}</span> <b>${title ?? t(`map.${name}`)}</b> <code>${name}</code> <span class="muted">${t("map.parameters", { n: number(total(parts)) })}</span></summary>
    <ul>${parts.map(
      (part) => html`<li key=${part.key} class=${isLit(part) ? "here" : ""}>
        <b>${t(`part.${part.key}`)}</b> <code>[${part.shape.join(part.key === "ffn" ? " → " : ", ")}]</code>
        <span class="muted">${part.parameters ? t("map.parameters", { n: number(part.parameters) }) : t("map.no_parameters")}</span>
        <span class="role-of">${t(`part.${part.key}.about`)}</span>
        ${sequence.value && html`<button type="button" class="quiet" onClick=${() => {
          goToStep(steps.findIndex((one) => one.kind === part.kind && one.layer === layer));
          tab.value = "walk";
        }}>${t("map.see")}</button>`}
      </li>`,
    )}</ul>
  </details>`;
}
