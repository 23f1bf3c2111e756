/* How tokens are written for reading. */

import { tokenizer } from "../network.js";

/* A token's text without the space before it; what cannot be seen is named. */
export function word(id) {
  const text = tokenizer.shown(id);
  return text.trim() || (text.includes("\n") ? "⏎" : "␣");
}

export const quoted = (id) => `‘${word(id)}’`;

/* Whether a token goes on with the word before it. */
export const joins = (id) => tokenizer.bytesOf !== null && id >= 4 && !/^\s/.test(tokenizer.shown(id));
