/* What the model answered to the same words at moments of its training. */

import { html } from "htm/preact";
import { signal } from "@preact/signals";
import { busy, tab } from "../state.js";
import { answerTo } from "../talk/conversation.js";
import { number, percent, t } from "../texts/index.js";

const chosen = signal(0);

/* learning: `prompts`, and `answers`, a row of replies for each moment; steps: of the whole training. */
export function Answers({ learning: { prompts, answers }, steps }) {
  const prompt = prompts[chosen.value];
  const say = () => {
    tab.value = "walk";
    answerTo(prompt);
  };
  return html`<section class="answers">
    <h3>${t("answers")}</h3>
    <p>${t("answers.about")}</p>
    <div class="row" role="group" aria-label=${t("answers.prompts")}>${prompts.map(
      (messages, n) => html`<button type="button" key=${n} aria-pressed=${n === chosen.value} onClick=${() => (chosen.value = n)}>${messages.at(-1).content}</button>`,
    )}</div>
    ${prompt.length > 1 && html`<div class="said-before"><p class="muted">${t("answers.before")}</p>
      ${prompt.map(({ role, content }, n) => html`<p key=${n} class=${role}><span class="unseen">${t(`said.${role}`)}: </span>${content}</p>`)}</div>`}
    <ol class="moments">${answers.map(
      ({ step, replies }, n) => html`<li key=${step}>
        <span class="when"><b aria-hidden="true">${n + 1}</b> ${step ? t("answers.step", { step: number(step), share: percent(step / steps) }) : t("answers.untrained")}</span>
        <${Answer} reply=${replies[chosen.value]} /></li>`,
    )}</ol>
    <p class="muted">${t("answers.tokens")}</p>
    <div class="row"><button type="button" disabled=${busy.value} onClick=${say}>${t("answers.now")}</button></div>
  </section>`;
}

/* A reply, each word the darker the surer the model was. */
function Answer({ reply: { tokens, probabilities, ended } }) {
  const words = ended ? tokens.slice(0, -1) : tokens;
  return html`<span class="answer">
    <span class="words">${words.length ? words.map((token, n) => html`<span key=${n} class="sure" style=${`--share:${probabilities[n]}`} title=${percent(probabilities[n])}>${n ? token : token.trimStart()}</span>`) : html`<em>${t("reply.empty")}</em>`}${ended ? "" : "…"}</span>
    <small class="muted">${t("answers.first", { share: percent(probabilities[0]) })}</small></span>`;
}
