/* What the file carries (tinychat/page/building.py writes it): settings and numbers as JSON; kernels, tables and weights
deflated, in base85. */

import { unpackWeights } from "./engine/model.js";

export const carried = JSON.parse(document.getElementById("carried").textContent);

/* The text of a template, which is then removed. Data stands in templates, since browsers read text faster than scripts. */
export function taken(id) {
  const element = document.getElementById(id), text = element.content.textContent;
  element.remove();
  return text;
}

/* What stands at the end of the file, and may still be read while the page is drawn: kernels, weights (the model's) and
classifier (of tinychat/safety) in base85, and tables: {tokenizer, names, safety}. */
export async function packed() {
  if (document.readyState === "loading")
    await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
  await new Promise((done) => setTimeout(done)); // the first picture comes before the work
  const found = Object.fromEntries(["kernels", "tables", "classifier", "weights"].map((id) => [id, taken(id)]));
  return { ...found, tables: JSON.parse(new TextDecoder().decode(await unpackWeights(found.tables))) };
}
