/* The training questions nearest to a message, with their answers. */

import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { percent, t } from "../texts/index.js";
import { nearestQuestions } from "./quotes.js";

const SHOWN = 3;
const ANSWERS = 3; // of a question

export function Nearest({ text }) {
  const [near, setNear] = useState(null);
  useEffect(() => {
    let isWanted = true;
    nearestQuestions(text, SHOWN).then((found) => isWanted && setNear(found));
    return () => (isWanted = false);
  }, [text]);
  return html`<section class="nearest" aria-busy=${near === null}>
    <h3>${t("nearest")}</h3>
    <p class="note">${t("nearest.about")}</p>
    ${near === null
      ? html`<p class="note" role="status">${t("nearest.loading")}</p>`
      : near.length === 0
        ? html`<p>${t("nearest.none")}</p>`
        : html`<ol>${near.map(
            ({ question, answers, similarity }) => html`<li key=${question}>
              <p><b>${question}</b> <span class="value">${t("nearest.similarity", { share: percent(similarity) })}</span></p>
              <ul>${answers.slice(0, ANSWERS).map((answer) => html`<li key=${answer}>${answer}</li>`)}</ul>
              ${answers.length > ANSWERS && html`<p class="note">${t("nearest.more", { n: answers.length - ANSWERS })}</p>`}
            </li>`,
          )}</ol>`}
  </section>`;
}
