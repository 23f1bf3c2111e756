/* What is said to a person in danger, in place of a model's reply; see tinychat/safety/help.py. */

import { unpackWeights } from "../engine/model.js";
import { Danger } from "./danger.js";

const KOREAN = /[가-힣ㄱ-ㅣ]/;

let danger = null, lines = null;

/* tables: null where the page was built without; weights: the classifier's, as the page carries them. */
export async function loadHelp(tables, weights) {
  if (!tables) return;
  danger = new Danger(tables, new Int8Array((await unpackWeights(weights)).buffer));
  lines = tables;
}

/* The help lines where a message speaks of self-harm, else null: then the model answers. before: the same person's message
before it. */
export function helpInDanger(text, before = "") {
  if (!danger?.isRecognised(text, before)) return null;
  return KOREAN.test(text) ? lines.help : `${lines.help}\n${lines.help_in_english}`;
}

/* The messages that the model reads: neither help lines nor what they answer, as in `tinychat chat`. */
export const readByModel = (all) => all.filter(({ role }, n) => role !== "help" && all[n + 1]?.role !== "help");
