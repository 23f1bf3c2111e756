/* What the model would say if it had to stop at each half layer: the output layer applied to each hidden state. */

import { html } from "htm/preact";
import { likeliest, softmax } from "../engine/reply.js";
import { useRoving } from "../parts/roving.js";
import { quoted, word } from "../parts/words.js";
import { currentStep, position, sequence, step, steps, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { isHidden, nextId } from "./showing.js";
import { Guess } from "./Guess.js";

const stepOfState = (state) => steps.findIndex((one) => one.state === state && ["input", "norm1", "norm2"].includes(one.kind));

function rowName(state) {
  if (state === 0) return t("lens.input");
  return t(state % 2 ? "lens.attention" : "lens.ffn", { layer: Math.ceil(state / 2) });
}

export function Lens() {
  return isHidden.value ? html`<${Guess} />` : html`<${States} />`;
}

function States() {
  const at = position.value, here = currentStep.value.state;
  const all = trace.value.lens(at).map((logits) => softmax(logits));
  const { onKeyDown, stop } = useRoving({ size: all.length, here: here ?? 0 });
  const isLast = nextId.value === null;
  const id = nextId.value ?? likeliest(all.at(-1), 1)[0];
  return html`<section class="lens">
    <h3>${t("lens")}</h3>
    <p class="muted">${t(at < sequence.value.nPrompt - 1 ? "lens.about.prompt" : isLast ? "lens.about.last" : "lens.about", { word: quoted(id) })}</p>
    <div role="toolbar" aria-orientation="vertical" aria-label=${t("lens.label")} onKeyDown=${onKeyDown}><ol>
      ${all.map((probabilities, state) => {
        const [top] = likeliest(probabilities, 1), share = probabilities[id];
        return html`<li key=${state}><button type="button" ...${stop(state)} class=${state === here ? "here" : ""} aria-current=${state === here ? "step" : null}
          onClick=${() => (step.value = stepOfState(state))}>
          <span class="place">${rowName(state)}</span>
          <span class="unseen">: ${t("lens.top")}</span>
          <span class=${`word ${top === id ? "same" : ""}`}>${word(top)}</span>
          <span class="unseen">, ${t("lens.next", { word: quoted(id) })}</span>
          <span class="bar"><i style=${`width:${100 * share}%`} /></span>
          <span class="value">${percent(share)}</span>
        </button></li>`;
      })}
    </ol></div>
  </section>`;
}
