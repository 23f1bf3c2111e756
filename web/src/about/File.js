/* What this file is and what it carries. */

import { html } from "htm/preact";
import { carried } from "../carried.js";
import { tokenizer } from "../network.js";
import { number, t } from "../texts/index.js";

export function File() {
  const values = { vocab: number(tokenizer.size), bits: t(carried.is_int8 ? "file.int8" : "file.int6") };
  return html`<div class="file">
    <h2>${t("file")}</h2>
    ${["model", "repeats", "network", "memory", ...(carried.help_in_danger ? ["help"] : []), "weights", "keys"].map((key) => html`<h3>${t(`file.${key}`)}</h3><p>${t(`file.${key}.about`, values)}</p>`)}
  </div>`;
}
