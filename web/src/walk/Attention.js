/* Attention: which tokens one head looks at, who looks at it, and the heads of the layer side by side. */

import { html } from "htm/preact";
import { likeliest, softmax } from "../engine/reply.js";
import { answerAgain } from "../talk/conversation.js";
import { model } from "../network.js";
import { quoted } from "../parts/words.js";
import { busy, currentStep, headChoice, headsOff, hovered, lines, messages, position, sequence, trace } from "../state.js";
import { percent, t } from "../texts/index.js";
import { roles, standingOut } from "./naming.js";
import { isHidden, isRuled, isStillHidden, nextId, setHeadsOff, switchHead, withAllHeads } from "./showing.js";
import { TokenFlow } from "./TokenFlow.js";

const NAMED = 3; // words of a sentence on a word
const LEAST_NAMED = 0.05; // of the attention

export const chosenHead = () => headChoice.value ?? standingOut(currentStep.value.layer, position.value);

export function AttentionFlow() {
  const { layer } = currentStep.value, head = chosenHead();
  const { ids } = sequence.value;
  const from = hovered.value ?? position.value;
  const looks = trace.value.attention(from, layer, head);
  const watched = [];
  for (let at = from + 1; at < ids.length; at++)
    if (!isStillHidden(at)) watched.push([at, trace.value.attention(at, layer, head)[from]]);
  const { looks: showsLooks, watched: showsWatched } = lines.value;
  const says = [showsLooks && lookingAt(from, looks), showsWatched && watchedBy(from, watched)].filter(Boolean);
  return html`<${Directions} from=${from} />
    <p class="says" aria-live="polite">${t("attention.head", { layer: layer + 1, head: head + 1 })} ${says.join(" ")}</p>
    <${TokenFlow} from=${from} looks=${showsLooks ? looks : []} watched=${showsWatched ? watched : []} />
    <p class="muted">${t("heads.about")} <span class="pointed">${t("heads.about.pointed")}</span></p>`;
}

/* Which lines are drawn: a mouse can point at a word, but a finger and a keyboard choose here as well. */
function Directions({ from }) {
  const change = (kind) => (lines.value = { ...lines.value, [kind]: !lines.value[kind] });
  return html`<div class="row directions" role="group" aria-label=${t("lines", { word: quoted(sequence.value.ids[from]) })}>
    ${Object.entries(lines.value).map(
      ([kind, isOn]) => html`<button type="button" key=${kind} class=${kind} aria-pressed=${isOn} onClick=${() => change(kind)}>
        <svg viewBox="0 0 28 8" aria-hidden="true"><path d="M1 4H27" /></svg>${t(`lines.${kind}`)}</button>`,
    )}
  </div>`;
}

function lookingAt(from, looks) {
  const { ids } = sequence.value;
  const most = likeliest(looks, NAMED).filter((at) => looks[at] >= LEAST_NAMED);
  const words = most.map((at) => `${at === from ? t("itself") : quoted(ids[at])} ${percent(looks[at])}`).join(", ");
  return t("attention.looks", { word: quoted(ids[from]), words: words || t("spread") });
}

function watchedBy(from, watched) {
  const { ids } = sequence.value;
  const most = likeliest(watched.map(([, weight]) => weight), NAMED).filter((n) => watched[n][1] >= LEAST_NAMED);
  const words = most.map((n) => `${quoted(ids[watched[n][0]])} ${percent(watched[n][1])}`).join(", ");
  return t(words ? "attention.watched" : "attention.unwatched", { word: quoted(ids[from]), words });
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
      <p><b>${t("head.is", { layer: layer + 1, head: chosen + 1 })}</b>${" "}
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
  })} ${isRuled.value && html`<span class="ruled">${t("ruled")}</span>`}</p>`;
}
