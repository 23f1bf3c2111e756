/* Attention: which tokens one head looks at, who looks at it, and the heads of the layer side by side. */

import { html } from "htm/preact";
import { likeliest, softmax } from "../engine/reply.js";
import { answerAgain } from "../talk/conversation.js";
import { model } from "../network.js";
import { quoted } from "../parts/words.js";
import { busy, currentStep, headChoice, headsOff, hovered, messages, position, sequence, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { roles, standingOut } from "./naming.js";
import { isHidden, nextId, setHeadsOff, switchHead, withAllHeads } from "./showing.js";
import { TokenFlow } from "./TokenFlow.js";

export const chosenHead = () => headChoice.value ?? standingOut(currentStep.value.layer, position.value);

export function AttentionFlow() {
  const { layer } = currentStep.value, head = chosenHead();
  const { ids } = sequence.value;
  const from = hovered.value ?? position.value;
  const looks = trace.value.attention(from, layer, head);
  const watched = [];
  if (hovered.value !== null)
    for (let at = from + 1; at < ids.length; at++) watched.push([at, trace.value.attention(at, layer, head)[from]]);
  return html`<p class="says" aria-live="polite">${sentence(from, looks, layer, head)}</p>
    <${TokenFlow} from=${from} looks=${looks} watched=${watched} />
    <p class="muted">${t("heads.about")}</p>`;
}

function sentence(from, looks, layer, head) {
  const { ids } = sequence.value;
  const most = likeliest(looks, 3).filter((at) => looks[at] >= 0.05);
  const words = most.map((at) => `${at === from ? t("itself") : quoted(ids[at])} ${percent(looks[at])}`).join(", ");
  return t("attention.says", { layer: layer + 1, head: head + 1, word: quoted(ids[from]), words: words || t("spread") });
}

/* The heads of the layer side by side, and what the chosen one does: above the sentence, however long that is. */
export function Heads() {
  const { layer } = currentStep.value, chosen = chosenHead();
  const { n_heads } = model.config;
  const all = roles.value;
  const { role, share } = all.of(layer, chosen);
  const isOff = headsOff.value.includes(`${layer}.${chosen}`);
  return html`<div class="heads">
    <div class="head-list" role="group" aria-label=${t("heads.label", { layer: layer + 1 })}>
      ${[...Array(n_heads).keys()].map(
        (head) => html`<${Head} key=${head} layer=${layer} head=${head} isChosen=${head === chosen} role=${all.of(layer, head).role} />`,
      )}
    </div>
    <div class="head-about">
      <p><b>${t("head.named", { layer: layer + 1, head: chosen + 1 })}</b>${" "}
        ${role ? t(`role.${role}.about`, { share: percent(share) }) : t("role.none")}</p>
      <div class="row">
        <button type="button" aria-pressed=${isOff} disabled=${busy.value} onClick=${() => switchHead(layer, chosen)}>
          ${t(isOff ? "head.on" : "head.off")}</button>
        ${headsOff.value.length > 0 &&
        html`<button type="button" disabled=${busy.value} onClick=${() => setHeadsOff([])}>${t("heads.on")}</button>
          <button type="button" disabled=${busy.value || messages.value.at(-1)?.role === "help"} onClick=${answerAgain}>${t("heads.answer")}</button>`}
      </div>
      ${headsOff.value.length > 0 && !isHidden.value && html`<${Change} />`}
    </div>
  </div>`;
}

function Head({ layer, head, isChosen, role }) {
  const weights = trace.value.attention(hovered.value ?? position.value, layer, head);
  const isOff = headsOff.value.includes(`${layer}.${head}`);
  const bars = [...weights].map((weight, at) => `M${at + 0.5} 20V${(20 - 20 * weight).toFixed(1)}`).join("");
  return html`<button type="button" class=${`head ${isOff ? "off" : ""}`} aria-pressed=${isChosen}
    onClick=${() => (headChoice.value = head)}>
    <span class="name">${t("head.short", { head: head + 1 })}</span>
    ${isOff ? html`<span class="muted">${t("head.is_off")}</span>` : html`<svg viewBox=${`0 0 ${weights.length} 20`} preserveAspectRatio="none" aria-hidden="true"><path d=${bars} /></svg>`}
    <i class="role">${role ? t(`role.${role}`) : ""}</i>
  </button>`;
}

/* What the next word was with all heads and is without those that are off. */
function Change() {
  const at = position.value;
  const before = withAllHeads(at), now = softmax(trace.value.logits(at));
  const [was] = likeliest(before, 1), [is] = likeliest(now, 1);
  const id = nextId.value ?? was;
  return html`<p class="change">${t("change", {
    word: quoted(id), before: percent(before[id]), now: percent(now[id]),
    top: is === id ? "" : t("change.top", { word: quoted(is), share: percent(now[is]) }),
  })}</p>`;
}
