/* What the page saves of talks: for test_saving.py. Reads [messages, …], and writes for each talk {name, type, text}: the file
that the browser is given. */

import { text } from "node:stream/consumers";

const files = [];
const carried = JSON.stringify({ language: "ko" });
globalThis.document = {
  getElementById: () => ({ textContent: carried }),
  createElement: () => ({
    click() {
      files.at(-1).name = this.download;
    },
    remove() {},
  }),
  body: { append() {} },
};
URL.createObjectURL = (blob) => {
  files.push({ blob });
  return "blob:";
};
globalThis.setTimeout = () => 0; // the address is given back later
const { save } = await import("../../web/src/talk/saving.js");

JSON.parse(await text(process.stdin)).forEach(save);
const saved = files.map(async ({ name, blob }) => ({ name, type: blob.type, text: await blob.text() }));
process.stdout.write(JSON.stringify(await Promise.all(saved)));
