/* What users told of themselves and ask for: for test_facts.py. Reads {names, facts, cases: [[messages, replies], …]}, and writes
for each case the words that a reply may say, the ending behind the last one, and of each reply whether it says one, and
whether one that begins with the last word may go on with it. */

import { text } from "node:stream/consumers";
import { FactPatterns, ToldFacts } from "../../web/src/engine/facts.js";
import { NamePatterns } from "../../web/src/engine/names.js";

const { names, facts, cases } = JSON.parse(await text(process.stdin));
const namePatterns = new NamePatterns(names), factPatterns = new FactPatterns(facts);
const found = cases.map(([messages, replies]) => {
  const told = new ToldFacts(factPatterns, namePatterns, messages);
  const isRight = replies.map((reply) => told.areSaid(reply));
  return [told.words, told.ending, isRight, told.words.length ? replies.map((reply) => told.mayFollow(reply)) : []];
});
process.stdout.write(JSON.stringify(found));
