/* The bytes of texts in base85: for test_base85.py. Reads [text, …], and writes for each its bytes, or {error, place}. */

import { text } from "node:stream/consumers";
import { fromBase85 } from "../../web/src/engine/base85.js";

function decoded(one) {
  try {
    return [...fromBase85(one)];
  } catch (error) {
    return { error: error.message, place: error.place };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map(decoded)));
