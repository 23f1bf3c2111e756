/* Left the talk, right the network. */

import { html } from "htm/preact";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { File } from "./about/File.js";
import { ModelMap } from "./about/ModelMap.js";
import { Replies } from "./about/Replies.js";
import { Training } from "./about/Training.js";
import { failure, ready, tab } from "./state.js";
import { TABS } from "./tabs.js";
import { Talk } from "./talk/Talk.js";
import { language, t } from "./texts/index.js";
import { Walk } from "./walk/Walk.js";

const VIEWS = { walk: Walk, map: ModelMap, training: Training, replies: Replies, file: File };
const THEMES = ["auto", "light", "dark"];
const theme = signal("auto");

export function App() {
  useEffect(() => {
    document.documentElement.lang = language.value;
    document.title = t("title");
  }, [language.value]);
  useEffect(() => {
    document.documentElement.dataset.theme = theme.value;
  }, [theme.value]);
  const View = VIEWS[tab.value];
  return html`<header class="top">
      <h1>tinychat</h1>
      <p>${t("lead")}</p>
      <div class="row">
        <button type="button" class="quiet" onClick=${() => (theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length])}>${t(`theme.${theme.value}`)}</button>
        <button type="button" class="quiet" lang=${language.value === "ko" ? "en" : "ko"} onClick=${() => (language.value = language.value === "ko" ? "en" : "ko")}>${t("other_language")}</button>
      </div>
    </header>
    ${failure.value && html`<p class="failure" role="alert">${t("failure", { text: failure.value })}</p>`}
    <div class="columns">
      <${Talk} />
      <main class="network" aria-label=${t("network")}>
        <${Tabs} />
        <div role="tabpanel" id="panel" aria-labelledby=${`tab-${tab.value}`}>
          ${ready.value ? html`<${View} />` : html`<p class="empty" role="status">${t("loading")}</p>`}
        </div>
      </main>
    </div>`;
}

function Tabs() {
  const onKey = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    tab.value = TABS[(TABS.indexOf(tab.value) + by + TABS.length) % TABS.length];
    document.getElementById(`tab-${tab.value}`).focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${t("network")} onKeyDown=${onKey}>
    ${TABS.map(
      (name) => html`<button type="button" role="tab" id=${`tab-${name}`} key=${name} aria-selected=${tab.value === name}
        aria-controls="panel" tabindex=${tab.value === name ? 0 : -1} onClick=${() => (tab.value = name)}>${t(`tab.${name}`)}</button>`,
    )}
  </div>`;
}
