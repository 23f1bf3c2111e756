/* The heads' roles in this model, measured once on examples when the page has time, and again with the talk. */

import { computed, signal } from "@preact/signals";
import { carried } from "../carried.js";
import { GREEDY } from "../engine/reply.js";
import { EOS } from "../engine/tokenizer.js";
import { TRIED, bot, model } from "../network.js";
import { busy, headsOff, messages, sequence, trace } from "../state.js";
import { readByModel } from "../safety/help.js";
import { Roles, tokensOfName } from "./roles.js";
import { Trace } from "./trace.js";

const measured = signal([]); // {trace, nPrompt, ofName} of examples

const PAUSE = 50; // ms

/* Lets the model answer some examples, whenever nobody waits for it, and keeps what its heads looked at. */
export async function measureExamples() {
  const found = [];
  for (const turns of carried.examples) {
    do await new Promise((other) => setTimeout(other, PAUSE));
    while (busy.value || headsOff.value.length);
    const said = turns.map((content, n) => ({ role: n % 2 ? "assistant" : "user", content }));
    const reply = finished(bot.reply(said, { ...GREEDY, maxTokens: 32 }));
    const prompt = bot.prompt(said, GREEDY);
    if (!reply || !prompt) continue;
    const ids = [...prompt.ids, ...reply.ids, EOS].slice(0, model.config.max_len);
    found.push({
      trace: new Trace(model, TRIED).read(ids),
      nPrompt: prompt.ids.length,
      ofName: tokensOfName(ids, said, bot),
    });
  }
  measured.value = found;
}

function finished(tokens) {
  for (;;) {
    const { value, done } = tokens.next();
    if (done) return value;
  }
}

/* The tokens of the shown sequence that are of the person's name. */
export const shownName = computed(() => {
  const { ids, message } = sequence.value;
  return tokensOfName(ids, readByModel(messages.value.slice(0, message)), bot);
});

export const roles = computed(() => {
  const all = new Roles(model.config);
  for (const { trace: some, nPrompt, ofName } of measured.value) all.add(some, nPrompt, ofName);
  const shown = sequence.value;
  if (shown && trace.value && !headsOff.value.length && !busy.value)
    all.add(trace.value, shown.nPrompt, shownName.value);
  return all;
});

/* The head of a layer that says most about a token: the one with a name if the next word is of the name, else the one
that looks least at the first token and at itself. */
export function standingOut(layer, position) {
  const { ids } = sequence.value, shown = trace.value, isName = shownName.value[position + 1];
  let best = 0, highest = -1;
  for (let head = 0; head < model.config.n_heads; head++) {
    const weights = shown.attention(position, layer, head);
    let score = 0;
    weights.forEach((weight, j) => {
      const counts = isName ? shownName.value[j] : ids[j] >= 4 && j > 0 && j < position;
      if (counts) score = isName ? score + weight : Math.max(score, weight);
    });
    if (score > highest) [best, highest] = [head, score];
  }
  return best;
}
