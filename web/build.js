/* The page's script and its styles, one file each: tinychat/page/assets. `make page-assets` runs it. */

import { build } from "esbuild";

await build({
  entryPoints: [{ in: "src/main.js", out: "page" }],
  outdir: "../tinychat/page/assets",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome120", "firefox115", "safari17"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
});
