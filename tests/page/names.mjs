/* Which names were told in dialogues, and which may be called: for test_names.py. Reads {patterns, titles, cases: [[messages,
reply], …]}, and writes for each case the user's name, start and name of the first one in the reply that nobody told, where
it says that it does not know the user's, and start and text of where it praises a name though none was told. */

import { text } from "node:stream/consumers";
import { NamePatterns, ToldNames } from "../../web/src/engine/names.js";

const { patterns, titles, cases } = JSON.parse(await text(process.stdin));
const namePatterns = new NamePatterns(patterns);
const found = cases.map(([messages, reply]) => {
  const told = new ToldNames(namePatterns, messages, titles);
  return [told.name, told.firstUntold(reply), told.denial(reply), told.praised(reply)];
});
process.stdout.write(JSON.stringify(found));
