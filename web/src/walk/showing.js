/* Which sequence is shown, where in it, and with which heads: changes of these go through here. */

import { batch, computed } from "@preact/signals";
import { softmax } from "../engine/reply.js";
import { EOS } from "../engine/tokenizer.js";
import { SHOWN, TRIED, bot, model } from "../network.js";
import * as state from "../state.js";
import { Trace } from "./trace.js";

let shown = null, allOn = null;

/* Shows a sequence from the token at `position`. */
export function show(sequence, position) {
  shown ??= new Trace(model, SHOWN);
  shown.read(sequence.ids);
  allOn = state.headsOff.value.length ? null : copyOf(shown);
  batch(() => {
    state.sequence.value = sequence;
    state.trace.value = copyOf(shown);
    state.position.value = position;
    state.hovered.value = null;
  });
}

// A new object for each change, so that what depends on it is drawn again.
const copyOf = (trace) => Object.assign(Object.create(Object.getPrototypeOf(trace)), trace, { seen: [...trace.seen], lenses: new Map() });

/* The last token of which a next one is known or asked for. */
export const lastPosition = computed(() => {
  const ids = state.sequence.value?.ids ?? [];
  return Math.max(0, ids.at(-1) === EOS ? ids.length - 2 : ids.length - 1);
});

/* The token that follows the one that is shown; null where the sequence ends. */
export const nextId = computed(() => state.sequence.value?.ids[state.position.value + 1] ?? null);

/* How the reply that is shown was made (see talk/conversation.js), and of the token that follows whether a rule
put it in, and whether only the common replies were left to choose from. */
export const shownReply = computed(() => state.messages.value[state.sequence.value?.message]?.shown ?? null);
const following = computed(() => shownReply.value?.tokens[state.position.value + 1 - state.sequence.value.nPrompt]);
export const isRuled = computed(() => following.value?.isRuled ?? false);
export const isCommon = computed(() => following.value?.isCommon ?? false);

/* Whether the next word is still to be guessed. */
export const isHidden = computed(() => {
  const { guessing, guessed, position, sequence } = state;
  const at = position.value;
  return guessing.value && at >= sequence.value.nPrompt - 1 && !(at in guessed.value);
});

/* Whether the token at a place is one that is still to be guessed: its word is not to be shown. */
export function isStillHidden(at) {
  const { guessing, position, sequence } = state;
  return guessing.value && at > position.value && at >= sequence.value.nPrompt;
}

export function goTo(position) {
  batch(() => {
    state.position.value = Math.max(0, Math.min(position, lastPosition.value));
    state.hovered.value = null;
  });
}

/* A step on (1) or back (-1); behind the last step of a token comes the next token's first. false at the ends. */
export function move(by) {
  const { step, steps, position } = state;
  const next = step.value + by;
  if (next >= 0 && next < steps.length) {
    step.value = next;
    return true;
  }
  if (by > 0 ? position.value >= lastPosition.value : position.value <= 0) return false;
  batch(() => {
    goTo(position.value + by);
    step.value = by > 0 ? 1 : steps.length - 1; // the sentence is cut into tokens once
  });
  return true;
}

/* Switches a head on or off, for what is shown and for replies to come. */
export function switchHead(layer, head) {
  const name = `${layer}.${head}`, off = state.headsOff.value;
  setHeadsOff(off.includes(name) ? off.filter((other) => other !== name) : [...off, name]);
}

export function setHeadsOff(names) {
  for (const name of state.headsOff.value) setHead(name, true);
  for (const name of names) setHead(name, false);
  bot.held = []; // what it remembers was computed with other heads
  shown = new Trace(model, SHOWN);
  batch(() => {
    state.headsOff.value = names;
    if (!state.sequence.value) return;
    shown.read(state.sequence.value.ids);
    state.trace.value = copyOf(shown);
    if (!names.length) allOn = state.trace.value;
  });
}

function setHead(name, isOn) {
  const [layer, head] = name.split(".").map(Number);
  model.switchHead(layer, head, isOn);
}

/* The probabilities (V) of the next token with all heads on. */
export function withAllHeads(position) {
  const { headsOff, sequence } = state;
  if (!allOn || allOn.ids !== shown.ids) {
    const off = headsOff.value;
    for (const name of off) setHead(name, true);
    allOn = copyOf(new Trace(model, TRIED).read(sequence.value.ids));
    for (const name of off) setHead(name, false);
  }
  return softmax(allOn.logits(position));
}

/* For each head: how much less likely `id` is after `position` without it, in nats; a generator, head by head. */
export function* effects(position, id) {
  const { n_layers, n_heads } = model.config;
  const ids = state.sequence.value.ids.slice(0, position + 1);
  const logProbability = () => Math.log(softmax(new Trace(model, TRIED).read(ids).logits(position))[id]);
  const before = logProbability();
  for (let layer = 0; layer < n_layers; layer++)
    for (let head = 0; head < n_heads; head++) {
      if (state.headsOff.value.includes(`${layer}.${head}`)) {
        yield null;
        continue;
      }
      model.switchHead(layer, head, false);
      const change = before - logProbability();
      model.switchHead(layer, head, true);
      yield change;
    }
}
