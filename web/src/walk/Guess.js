/* Guess the next word before the model's is shown. */

import { html } from "htm/preact";
import { likeliest } from "../engine/reply.js";
import { quoted, word } from "../parts/words.js";
import { guessed, guessing, position, sequence, trace } from "../state.js";
import { t } from "../texts/index.js";
import { nextId } from "./showing.js";

const CHOICES = 4;

export function Guess() {
  const id = nextId.value;
  const ids = likeliest(trace.value.logits(position.value), 2 * CHOICES).filter((one) => word(one) !== "␣").slice(0, CHOICES);
  if (id !== null && !ids.includes(id)) ids[CHOICES - 1] = id;
  ids.sort((one, other) => one - other); // an order that tells nothing
  return html`<section class="guess">
    <h3>${t("guess")}</h3>
    <p>${t("guess.about", { word: quoted(sequence.value.ids[position.value]) })}</p>
    <div class="choices">${ids.map(
      (choice) => html`<button type="button" key=${choice} onClick=${() => (guessed.value = { ...guessed.value, [position.value]: choice })}>${word(choice)}</button>`,
    )}</div>
    <button type="button" class="quiet" onClick=${() => (guessed.value = { ...guessed.value, [position.value]: null })}>${t("guess.show")}</button>
  </section>`;
}

/* How the guess went, and how many were right so far. */
export function Guessed() {
  const guess = guessed.value[position.value];
  if (!guessing.value || guess === undefined || nextId.value === null) return null;
  const all = Object.entries(guessed.value).filter(([, id]) => id !== null);
  const right = all.filter(([at, id]) => sequence.value.ids[Number(at) + 1] === id).length;
  const key = guess === null ? "guessed.shown" : guess === nextId.value ? "guessed.right" : "guessed.wrong";
  return html`<p class="guessed" role="status">${t(key, { word: quoted(nextId.value), guess: guess === null ? "" : quoted(guess) })}
    ${all.length > 0 && html` <b>${t("guessed.count", { right, all: all.length })}</b>`}</p>`;
}
