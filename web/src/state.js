/* What the page shows now. All of it is in memory only. */

import { computed, signal } from "@preact/signals";
import { carried } from "./carried.js";
import { stepsOf } from "./walk/steps.js";

export const ready = signal(false);
export const failure = signal(null);
export const tab = signal("walk");

// The talk: {role, content}, and of a reply `shown` (see talk/conversation.js). role: user, assistant (the model), help (the
// lines for a person in danger).
export const messages = signal([]);
export const isOwn = signal(false); // whether a person said something in it
export const saved = signal(null); // the messages that were saved last
export const busy = signal(false);
export const editing = signal(false);
export const draft = signal("");
export const options = signal({ temperature: 0, topK: 50, topP: 0.95, seed: 0 });

// The walk: the sequence that is shown, {ids, nPrompt, message}, and what the layers did to it (walk/trace.js).
export const sequence = signal(null);
export const trace = signal(null);
export const position = signal(0); // the token whose way through the layers is shown
export const step = signal(0);
export const headChoice = signal(null); // null: the head that stands out
export const hovered = signal(null);
export const lines = signal({ looks: true, watched: true }); // which of the lines of attention are drawn
export const headsOff = signal([]); // "layer.head"
export const guessing = signal(false);
export const guessed = signal({}); // position → the id that was guessed

export const steps = stepsOf(carried.config);
export const currentStep = computed(() => steps[step.value]);
