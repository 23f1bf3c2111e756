/* The loss curve, what the model answered at moments of the training, and the numbers of the summary. */

import { html } from "htm/preact";
import { carried } from "../carried.js";
import { number, percent, t } from "../texts/index.js";
import { Answers } from "./Answers.js";
import { Curve } from "./Curve.js";

export function Training() {
  const { history, numbers, learning } = carried;
  const moments = learning?.prompts.length ? learning.answers.map(({ step }) => step) : [];
  const steps = learning?.answers.at(-1)?.step ?? 0;
  return html`<div class="training">
    <h2><span class="section">§6</span> ${t("training")}</h2>
    <p>${t("training.about")}</p>
    ${history.length > 0 && html`<${Curve} history=${history} losses=${learning?.losses ?? []} moments=${moments} steps=${steps} />`}
    ${moments.length > 0 && html`<${Answers} learning=${learning} steps=${steps} />`}
    ${numbers && html`<h2><span class="section">§12</span> ${t("numbers")}</h2><${Numbers} numbers=${numbers} />
      <p>${t("numbers.summary")} <a href="../reports/summary.html">reports/summary.html</a></p>`}
  </div>`;
}

function Numbers({ numbers }) {
  const rows = Object.entries(numbers).filter(([, value]) => value !== null);
  return html`<dl class="numbers">${rows.map(
    ([key, value]) => html`<div key=${key}><dt>${t(`numbers.${key}`)}</dt><dd>${key.endsWith("share") ? percent(value) : Number.isInteger(value) ? number(value) : value.toFixed(4)}</dd></div>`,
  )}</dl>`;
}
