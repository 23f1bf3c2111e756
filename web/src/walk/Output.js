/* The output layer's scores, their probabilities, and the word that was taken. */

import { html } from "htm/preact";
import { signal } from "@preact/signals";
import { likeliest, softmax } from "../engine/reply.js";
import { Bars } from "../parts/Bars.js";
import { quoted, word } from "../parts/words.js";
import { currentStep, headsOff, options, position, sequence, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { goTo, isCommon, isHidden, isRuled, lastPosition, move, nextId, shownReply } from "./showing.js";

const SHOWN = 10;
const temperature = signal(1); // of the picture only

export function Output() {
  if (isHidden.value) return html`<p class="says">${t("guess.first")}</p>`;
  return { output: html`<${Scores} />`, softmax: html`<${Probabilities} />`, choice: html`<${Choice} />` }[currentStep.value.kind];
}

function Scores() {
  const logits = trace.value.logits(position.value);
  const ids = likeliest(logits, SHOWN), lowest = logits[ids.at(-1)] - 1;
  const rows = ids.map((id) => ({
    id, text: logits[id].toFixed(1), isChosen: id === nextId.value, share: (logits[id] - lowest) / (logits[ids[0]] - lowest),
  }));
  return html`<${Bars} rows=${rows} label=${t("output.label")} />`;
}

function Probabilities() {
  const probabilities = softmax(trace.value.logits(position.value), temperature.value);
  const rows = likeliest(probabilities, SHOWN).map((id) => ({
    id, share: probabilities[id], text: percent(probabilities[id]), isChosen: id === nextId.value,
  }));
  const rest = rows.reduce((sum, row) => sum - row.share, 1);
  return html`${isRuled.value && html`<p class="ruled">${t("ruled")}</p>`}
    <label class="slider">${t("temperature.here")}
      <input type="range" min="0.1" max="2" step="0.1" value=${temperature.value} onInput=${(event) => (temperature.value = Number(event.target.value))} />
      <output>${temperature.value.toFixed(1)}</output></label>
    <${Bars} rows=${rows} label=${t("softmax.label")} />
    <p class="muted">${t("softmax.rest", { share: percent(Math.max(0, rest)) })}</p>`;
}

function Choice() {
  const at = position.value, id = nextId.value;
  const probabilities = softmax(trace.value.logits(at)), [top] = likeliest(probabilities, 1);
  if (id === null) return html`<p class="says">${t("choice.none", { word: quoted(top), share: percent(probabilities[top]) })}</p>`;
  const isPrompt = at < sequence.value.nPrompt - 1;
  const { how, off } = shownReply.value ?? { how: options.value, off: [] }; // none while it is being answered again
  const values = { word: quoted(id), top: quoted(top), share: percent(probabilities[top]), temperature: how.temperature };
  return html`<div class="choice">
    <p class="taken"><span class="word">${word(id)}</span> <span class="muted">${percent(probabilities[id])}</span></p>
    <p class=${isRuled.value ? "ruled" : ""}>${isPrompt ? t("choice.prompt", values) : isRuled.value
      ? `${t("ruled")} ${id === top ? "" : t("choice.named", values)}`
      : t(reasonOf(how, id === top, off), values)}</p>
    ${at < lastPosition.value
      ? html`<p>${t(isPrompt ? "choice.next.prompt" : "choice.next", { word: quoted(id) })}</p>
        <div class="row"><button type="button" class="strong" onClick=${() => move(1)}>${t("choice.on", { word: quoted(id) })}</button>
        <button type="button" onClick=${() => goTo(at + 1)}>${t("choice.on.here")}</button></div>`
      : html`<p>${t("choice.end")}</p>`}
  </div>`;
}

/* Why the model said a word: one of a common reply, drawn, the likeliest, or another one. off: the heads without which the reply was made. */
function reasonOf(how, isTop, off) {
  if (how.temperature) return isCommon.value ? "choice.common" : "choice.drawn";
  if (isTop) return "choice.top";
  if ([...off].sort().join() !== [...headsOff.value].sort().join()) return "choice.heads";
  if (isCommon.value) return "choice.common";
  return off.length ? "choice.ruled.off" : "choice.ruled";
}
