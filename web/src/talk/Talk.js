/* The talk: messages, how replies are drawn, and where one writes. */

import { html } from "htm/preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { carried } from "../carried.js";
import { busy, messages, ready, saved } from "../state.js";
import { t } from "../texts/index.js";
import { Composer } from "./Composer.js";
import { newConversation, say } from "./conversation.js";
import { Message } from "./Message.js";
import { Options } from "./Options.js";
import { messagesToSave, save } from "./saving.js";

export function Talk() {
  const list = useRef();
  const count = messages.value.length, length = messages.value.at(-1)?.content.length;
  useLayoutEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [count, length]);
  return html`<section class="talk" aria-label=${t("talk")}>
    <div class="talk-head">
      <h2>${t("talk")}</h2>
      <button type="button" disabled=${!count} onClick=${newConversation}>${t("talk.new")}</button>
    </div>
    <div class="messages" ref=${list} role="log" aria-label=${t("talk.messages")} tabindex="0">
      ${messages.value.map((message, at) => html`<${Message} key=${at} message=${message} at=${at} isLast=${at === count - 1} isLastQuestion=${message.role === "user" && at >= count - 2} />`)}
      ${ready.value && !count && html`<div class="starters"><p>${t("talk.starters")}</p>
        ${carried.replies.slice(0, 6).map(
          ({ input }) => html`<button type="button" key=${input} disabled=${busy.value} onClick=${() => say(input)}>${input}</button>`,
        )}</div>`}
    </div>
    <${Composer} />
    <div class="talk-foot">
      <${Options} />
      <button type="button" class="quiet" disabled=${busy.value || !messagesToSave(messages.value).length} title=${t("save.about")} onClick=${saveTalk}>${t("save")}</button>
    </div>
  </section>`;
}

function saveTalk() {
  save(messages.value);
  saved.value = messages.value;
}
