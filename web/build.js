/* The page's script and its styles, one file each: tinychat/page/assets. `make page-assets` runs it.

node build.js [--check]      writes them, or compares them */

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";

const ASSETS = "../tinychat/page/assets/";

/* What the files were made of: the script begins with it, so that a test without Node sees when they are old. */
function digestOfSources() {
  const sources = readdirSync("src", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.replaceAll("\\", "/"));
  const digest = createHash("sha256");
  for (const path of ["build.js", "package-lock.json", ...sources.sort()])
    digest.update(`${path}\n${readFileSync(path).length}\n`).update(readFileSync(path));
  return digest.digest("hex");
}

const { outputFiles } = await build({
  entryPoints: [{ in: "src/main.js", out: "page" }],
  outdir: ASSETS,
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: ["chrome120", "firefox115", "safari17"],
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/* web/ ${digestOfSources()} */` },
});
/* The page is ASCII: a browser then reads its megabytes in half of the time. esbuild escapes strings; in patterns and in the
templates of htm, which are no raw ones, the same escapes mean the same. */
const escaped = (text) => text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

for (const { path, text } of outputFiles) {
  const contents = Buffer.from(escaped(text));
  if (!process.argv.includes("--check")) writeFileSync(path, contents);
  else if (!readFileSync(path).equals(contents)) {
    console.error(`error: ${basename(path)} is not made of web/; run: make page-assets`);
    process.exitCode = 1;
  }
}
