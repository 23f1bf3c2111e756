/* The one model of the page: it answers, and runs a sequence again to show what its layers do.

Slot 0 of the model holds the talk's sequence, slot 1 the one that is shown, slot 2 the one that is tried out. */

import { FactPatterns } from "./engine/facts.js";
import { Model, unpackWeights } from "./engine/model.js";
import { NamePatterns } from "./engine/names.js";
import { Bot } from "./engine/reply.js";
import { makeTokenizer } from "./engine/tokenizer.js";

export const SHOWN = 1;
export const TRIED = 2;

export let bot = null, model = null, tokenizer = null;

export async function loadNetwork(carried, { kernels, tables, weights }) {
  const bytes = await unpackWeights(weights);
  model = await Model.load(await unpackWeights(kernels), carried.config, carried.arrays, bytes);
  tokenizer = makeTokenizer(tables.tokenizer);
  bot = new Bot(model, tokenizer, carried.generation, new NamePatterns(tables.names), new FactPatterns(tables.facts));
}
