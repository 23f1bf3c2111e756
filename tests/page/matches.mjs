/* Where RegExps match: for test_regexp.py. Reads [[pattern, texts], …], and writes for each text the matches: start in code
points, and what was matched. */

import { text } from "node:stream/consumers";

function matches(regexp, text) {
  let read = 0, start = 0;
  return [...text.matchAll(regexp)].map(({ index, 0: matched }) => {
    start += [...text.slice(read, index)].length;
    read = index;
    return [start, matched];
  });
}

const asked = JSON.parse(await text(process.stdin));
const found = asked.map(([pattern, texts]) => texts.map((one) => matches(new RegExp(pattern, "gu"), one)));
process.stdout.write(JSON.stringify(found));
