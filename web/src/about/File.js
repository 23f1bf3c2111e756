/* What this file is and what it carries. */

import { html } from "htm/preact";
import { carried } from "../carried.js";
import { tokenizer } from "../network.js";
import { number, t } from "../texts/index.js";

export function File() {
  const { is_int8, help_in_danger, quotes } = carried;
  const values = {
    vocab: number(tokenizer.size),
    bits: t(is_int8 ? "file.int8" : "file.int6"),
    quoted: quotes && t(quotes.is_sample ? "file.quotes.some" : "file.quotes.all", { n: number(quotes.questions) }),
  };
  const parts = ["model", "repeats", quotes && "quotes", "network", "memory", help_in_danger && "help", "weights", "keys"];
  return html`<div class="file">
    <h2>${t("file")}</h2>
    ${parts.filter(Boolean).map((key) => html`<h3>${t(`file.${key}`)}</h3><p>${t(`file.${key}.about`, values)}</p>`)}
  </div>`;
}
