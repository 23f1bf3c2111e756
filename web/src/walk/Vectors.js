/* The vectors of the input layer, and a hidden state before and after add & norm. */

import { html } from "htm/preact";
import { likeliest, softmax } from "../engine/reply.js";
import { model } from "../network.js";
import { Strip } from "../parts/Strip.js";
import { quoted } from "../parts/words.js";
import { currentStep, position, sequence, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { isHidden } from "./showing.js";

export function InputVectors() {
  const at = position.value, id = sequence.value.ids[at];
  const names = { word: quoted(id), n: at + 1 };
  return html`<div class="sum">
    <${Strip} name=${t("vector.token", names)} values=${model.wordVector(id)} />
    <span class="sign" aria-hidden="true">+</span>
    <${Strip} name=${t("vector.position", names)} values=${model.positionVector(at)} />
    <span class="sign" aria-hidden="true">→</span>
    <${Strip} name=${t("vector.input")} values=${trace.value.seen[at].states[0]} />
  </div>`;
}

export function NormVectors() {
  const at = position.value, { kind, state } = currentStep.value;
  const { states } = trace.value.seen[at];
  const [before, after] = [states[state - 1], states[state]];
  const part = t(kind === "norm1" ? "part.attention" : "part.ffn");
  return html`<div class="sum two">
      <${Strip} name=${t("vector.before", { part })} values=${before} />
      <span class="sign" aria-hidden="true">→</span>
      <${Strip} name=${t("vector.after", { part })} values=${after} />
    </div>
    <p class="says">${t("norm.turned", { part, share: percent(1 - Math.max(0, cosine(before, after))) })}
      ${!isHidden.value && html` <${Turned} at=${at} state=${state} />`}</p>`;
}

function Turned({ at, state }) {
  const [before, after] = [state - 1, state].map((n) => {
    const probabilities = softmax(trace.value.lens(at)[n]), [id] = likeliest(probabilities, 1);
    return { word: quoted(id), share: percent(probabilities[id]) };
  });
  return t("norm.words", { before: before.word, before_share: before.share, after: after.word, after_share: after.share });
}

function cosine(one, other) {
  let dot = 0;
  one.forEach((value, n) => (dot += value * other[n]));
  return dot / (Math.hypot(...one) * Math.hypot(...other));
}
