/* The page's Korean texts with values: for test_wording.py. Reads [[key, values], …], and writes the texts. */

import { text } from "node:stream/consumers";

globalThis.document = { getElementById: () => ({ textContent: JSON.stringify({ language: "ko" }) }) };
const { t } = await import("../../web/src/texts/index.js");

process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map(([key, values]) => t(key, values))));
