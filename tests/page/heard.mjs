/* Which messages the model reads: for test_safety.py. */

import { text } from "node:stream/consumers";
import { readByModel } from "../../web/src/safety/help.js";

const read = readByModel(JSON.parse(await text(process.stdin)));
process.stdout.write(JSON.stringify(read.map((message) => message.content)));
