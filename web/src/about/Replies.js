/* The replies that the pipeline stored: a click says the question anew, here. */

import { html } from "htm/preact";
import { carried } from "../carried.js";
import { busy, tab } from "../state.js";
import { newConversation, say } from "../talk/conversation.js";
import { number, percent, t } from "../texts/index.js";

async function replay(input) {
  newConversation();
  tab.value = "walk";
  await say(input);
}

export function Replies() {
  return html`<div class="replies">
    <h2><span class="section">§11</span> ${t("replies")}</h2>
    <p>${t("replies.about")}</p>
    <ul>${carried.replies.map(
      ({ input, output, n_tokens, mean_logprob }) => html`<li key=${input}>
        <button type="button" disabled=${busy.value} onClick=${() => replay(input)}>
          <span class="asked">${input}</span><span class="answered">${output || t("reply.empty")}</span>
          <span class="muted">${t("replies.tokens", { n: number(n_tokens), share: percent(Math.exp(mean_logprob)) })}</span>
        </button></li>`,
    )}</ul>
  </div>`;
}
