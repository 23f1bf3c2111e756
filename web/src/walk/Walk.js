/* The walk: one token's way through the model, step by step, in the article's order. */

import { html } from "htm/preact";
import { model } from "../network.js";
import { headNames } from "../parts/heads.js";
import { quoted } from "../parts/words.js";
import { busy, currentStep, headsOff, position, sequence } from "../state.js";
import { number, t } from "../texts/index.js";
import { AttentionFlow, Heads } from "./Attention.js";
import { Controls, onKey } from "./Controls.js";
import { FeedForward } from "./FeedForward.js";
import { Finding } from "./Finding.js";
import { Guessed } from "./Guess.js";
import { HeadMap } from "./HeadMap.js";
import { Lens } from "./Lens.js";
import { Output } from "./Output.js";
import { Ribbon } from "./Ribbon.js";
import { setHeadsOff } from "./showing.js";
import { TokenFlow } from "./TokenFlow.js";
import { InputVectors, NormVectors } from "./Vectors.js";

export function Walk() {
  if (!sequence.value) return html`<p class="empty">${busy.value ? "" : t("walk.empty")}</p>`;
  const { kind, layer, section } = currentStep.value;
  const { config } = model;
  const id = sequence.value.ids[position.value];
  const values = {
    word: quoted(id), layer: layer + 1, layers: config.n_layers, heads: config.n_heads, dim: config.embed_dim, ffn: number(config.ffn_dim),
    vocab: number(config.vocab_size), n: position.value + 1, tokens: sequence.value.ids.length,
  };
  return html`<div class="walk" onKeyDown=${onKey}>
    <div class="steering"><${Ribbon} /><${Controls} /></div>
    ${headsOff.value.length > 0 &&
    html`<p class="warning" role="status">${t("heads.off", { heads: headNames(headsOff.value) })}
      <button type="button" class="quiet" disabled=${busy.value} onClick=${() => setHeadsOff([])}>${t("heads.on")}</button></p>`}
    <${Finding} />
    <div class="stage">
      <div class="main">
        <header class="step-head" aria-live="polite">
          <p class="where"><span class="section">§${section}</span> ${layer === undefined ? "" : t("layer.of", values)}</p>
          <h2>${t(`step.${kind}`, values)}</h2>
          <p>${t(`step.${kind}.about`, values)}</p>
        </header>
        ${kind === "attention" ? html`<${Heads} /><${AttentionFlow} />` : html`<${TokenFlow} withIds=${kind === "tokens"} />`}
        <${Guessed} />
        ${kind !== "attention" && html`<${View} kind=${kind} />`}
      </div>
      <aside class="side"><${Lens} /></aside>
    </div>
    ${kind === "attention" && html`<${HeadMap} />`}
  </div>`;
}

function View({ kind }) {
  if (kind === "input") return html`<${InputVectors} />`;
  if (kind === "norm1" || kind === "norm2") return html`<${NormVectors} />`;
  if (kind === "ffn") return html`<${FeedForward} />`;
  if (kind === "tokens") return null;
  return html`<${Output} />`;
}
