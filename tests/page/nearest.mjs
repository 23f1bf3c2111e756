/* Which questions are nearest to messages: for test_quoting.py. Reads {questions, messages, n}, and writes for each message
[index, similarity] of the n nearest. */

import { text } from "node:stream/consumers";
import { NearestQuestion } from "../../web/src/engine/nearest.js";

const { questions, messages, n } = JSON.parse(await text(process.stdin));
const index = await NearestQuestion.of(questions, () => null);
process.stdout.write(JSON.stringify(messages.map((message) => index.nearest(message, n))));
