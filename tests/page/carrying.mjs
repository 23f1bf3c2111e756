/* What is said of a head that matters for a word: for test_ruled.py. Reads [[before, now], …], and writes the texts' keys. */

import { text } from "node:stream/consumers";
import { carriedBy } from "../../web/src/walk/carrying.js";

process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map((shares) => carriedBy(...shares))));
