/* Where links lead: for test_links.py. Reads {carried, cases: [{hash, ids}, …]}, and writes for each case which example the
link names, and what is shown after it was followed. The page stands at token 6 and at its first step before. */

import { text } from "node:stream/consumers";

const { carried, cases } = JSON.parse(await text(process.stdin));
globalThis.document = { getElementById: () => ({ textContent: JSON.stringify(carried) }) };
globalThis.location = { hash: "" };
const { followLink, linkedExample } = await import("../../web/src/link.js");
const state = await import("../../web/src/state.js");

const found = cases.map(({ hash, ids }) => {
  state.tab.value = "walk";
  state.sequence.value = ids && { ids, nPrompt: 1, message: 1 };
  state.position.value = 5;
  state.step.value = 0;
  state.headChoice.value = null;
  location.hash = hash;
  followLink();
  const { kind, layer } = state.currentStep.value;
  return {
    example: linkedExample(), tab: state.tab.value, token: state.position.value + 1, step: kind, layer: layer ?? null,
    head: state.headChoice.value,
  };
});
process.stdout.write(JSON.stringify(found));
