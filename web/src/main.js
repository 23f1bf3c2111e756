/* The page: it draws at once, loads the model behind it, and opens with an example. */

import { html } from "htm/preact";
import { render } from "preact";
import { App } from "./App.js";
import { carried, packed } from "./carried.js";
import { WrongCharacter } from "./engine/base85.js";
import { openExample } from "./talk/conversation.js";
import { askBeforeLeaving } from "./talk/leaving.js";
import { followLink, linkedExample } from "./link.js";
import { loadNetwork } from "./network.js";
import { loadHelp } from "./safety/help.js";
import { failure, ready } from "./state.js";
import { t } from "./texts/index.js";
import { measureExamples } from "./walk/naming.js";
import "./style/page.css";

const root = document.getElementById("page");
root.textContent = "";
render(html`<${App} />`, root);

askBeforeLeaving();

async function start() {
  try {
    const { kernels, tables, classifier, weights } = await packed();
    await Promise.all([loadNetwork(carried, { kernels, tables, weights }), loadHelp(tables.safety, classifier)]);
    ready.value = true;
    await openExample(linkedExample());
    followLink();
    addEventListener("hashchange", followLink);
    await measureExamples();
  } catch (error) {
    failure.value = error instanceof WrongCharacter ? t("failure.character", error) : String(error?.message ?? error);
    throw error;
  }
}

start();
