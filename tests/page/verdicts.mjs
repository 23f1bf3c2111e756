/* What the page says to messages: for test_safety.py. Reads {tables, classifier, cases: [[text, before], …]}, and writes for
each case whether a rule matches, whether the classifier takes it for danger, and the help lines or null. */

import { text } from "node:stream/consumers";
import { unpackWeights } from "../../web/src/engine/model.js";
import { Danger } from "../../web/src/safety/danger.js";
import { helpInDanger, loadHelp } from "../../web/src/safety/help.js";

const { tables, classifier, cases } = JSON.parse(await text(process.stdin));
const { safety } = JSON.parse(new TextDecoder().decode(await unpackWeights(tables)));
await loadHelp(safety, classifier);
const danger = safety && new Danger(safety, new Int8Array((await unpackWeights(classifier)).buffer));
const verdicts = cases.map(([said, before]) => [
  danger?.matchesRule(said), danger?.isClassified(said, before), helpInDanger(said, before),
]);
process.stdout.write(JSON.stringify(verdicts));
