/* Step on and back, play, the next token; by buttons, keys and a slider. */

import { html } from "htm/preact";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { word } from "../parts/words.js";
import { guessing, position, sequence, step, steps } from "../state.js";
import { t } from "../texts/index.js";
import { goToStep } from "./Ribbon.js";
import { goTo, isHidden, lastPosition, move } from "./showing.js";

const PACES = { slow: 5000, middle: 2500, fast: 1000 }; // ms for a step
const playing = signal(false);
const pace = signal("middle");

/* Keys of the walk: arrows for steps, with shift for tokens, Home and End, space to play. */
export function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  const actions = {
    ArrowRight: () => (event.shiftKey ? goTo(position.value + 1) : move(1)),
    ArrowLeft: () => (event.shiftKey ? goTo(position.value - 1) : move(-1)),
    Home: () => goToStep(0),
    End: () => goToStep(steps.length - 1),
    " ": event.target.matches("button") ? null : () => (playing.value = !playing.value),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

/* The arrows also work where nothing has the focus. */
function onPageKey(event) {
  if (event.target === document.body && ["ArrowLeft", "ArrowRight"].includes(event.key)) onKey(event);
}

export function Controls() {
  useEffect(() => {
    document.addEventListener("keydown", onPageKey);
    return () => document.removeEventListener("keydown", onPageKey);
  }, []);
  useEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      if (isHidden.value || !move(1)) playing.value = false; // a guess stops it
    }, PACES[pace.value]);
    return () => clearInterval(timer);
  }, [playing.value, pace.value]);
  const at = position.value, { ids, nPrompt } = sequence.value;
  const isEnd = at >= lastPosition.value && step.value === steps.length - 1;
  return html`<div class="controls">
    <div class="row" role="group" aria-label=${t("controls.steps")}>
      <button type="button" disabled=${at === 0 && step.value === 0} onClick=${() => move(-1)}>← ${t("back")}</button>
      <button type="button" class="strong" disabled=${isEnd} onClick=${() => move(1)}>${t(step.value === steps.length - 1 ? "next.token" : "next")} →</button>
      <button type="button" aria-pressed=${playing.value} disabled=${isEnd} onClick=${() => (playing.value = !playing.value)}>${t(playing.value ? "pause" : "play")}</button>
      <select aria-label=${t("pace")} value=${pace.value} onChange=${(event) => (pace.value = event.target.value)}>
        ${Object.keys(PACES).map((name) => html`<option value=${name}>${t(`pace.${name}`)}</option>`)}
      </select>
    </div>
    <div class="row" role="group" aria-label=${t("controls.tokens")}>
      <button type="button" disabled=${at === 0} aria-label=${t("token.before")} onClick=${() => goTo(at - 1)}>‹</button>
      <span class="token-at"><b>${word(ids[at])}</b> <span class="muted">${at + 1}/${ids.length}</span></span>
      <button type="button" disabled=${at >= lastPosition.value} aria-label=${t("token.after")} onClick=${() => goTo(at + 1)}>›</button>
      <button type="button" class="quiet" disabled=${at === nPrompt - 1} onClick=${() => goTo(nPrompt - 1)}>${t("token.first")}</button>
      <label class="check"><input type="checkbox" checked=${guessing.value} onChange=${(event) => (guessing.value = event.target.checked)} /> ${t("guess.mode")}</label>
    </div>
    <label class="scrub"><span class="unseen">${t("scrub")}</span>
      <input type="range" min="0" max=${steps.length - 1} value=${step.value} aria-valuetext=${`${step.value + 1}/${steps.length}: ${t(`step.${steps[step.value].kind}`, { layer: (steps[step.value].layer ?? 0) + 1 })}`}
        onInput=${(event) => goToStep(Number(event.target.value))} />
      <span class="muted">${step.value + 1}/${steps.length}</span></label>
  </div>`;
}
