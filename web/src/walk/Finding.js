/* Which head carried the user's name to the reply? A question to whoever sees a reply that says the name, and the way to its
answer: the map of the heads, in which each one is switched off in turn. */

import { html } from "htm/preact";
import { batch, computed, signal } from "@preact/signals";
import { busy, guessed, sequence, step, steps, tab } from "../state.js";
import { t } from "../texts/index.js";
import { showHeadMap, tryAll } from "./HeadMap.js";
import { shownName } from "./naming.js";
import { goTo, shownReply } from "./showing.js";

const asked = signal(null); // the sequence for which the answer was looked for

/* Where the reply that is shown begins to say the user's name; null where it does not, or is not whole yet. */
const saidName = computed(() => {
  if (busy.value || !sequence.value) return null;
  const at = shownName.value.findIndex((isName, n) => isName && n >= sequence.value.nPrompt);
  return at < 0 ? null : at;
});

/* Whether a head can be looked for. */
export const canFind = computed(() => saidName.value !== null);

/* Goes to the token before the name, opens the map of the heads there and lets it try each one. */
export async function findHead() {
  const before = saidName.value - 1;
  batch(() => {
    asked.value = sequence.value;
    tab.value = "walk";
    step.value = steps.findIndex((one) => one.kind === "attention");
    goTo(before);
    guessed.value = { ...guessed.value, [before]: guessed.value[before] ?? null }; // it is shown now
  });
  showHeadMap();
  await tryAll();
}

/* Whether a rule put in the name, or a part of it. */
const isNameRuled = () =>
  shownReply.value?.tokens.some(({ isRuled }, n) => isRuled && shownName.value[sequence.value.nPrompt + n]);

export function Finding() {
  if (!canFind.value || asked.value?.ids === sequence.value.ids) return null;
  return html`<aside class="finding" aria-label=${t("find")}>
    <p><b>${t("find")}</b> ${t(isNameRuled() ? "find.about.ruled" : "find.about")}</p>
    <button type="button" class="strong" onClick=${findHead}>${t("find.start")}</button>
  </aside>`;
}
