/* Where one writes. Enter sends, Shift+Enter begins a new line.

Hangul is composed: the Enter that ends the last syllable is a key of the composition. Browsers and systems differ in
whether its keydown comes before or after `compositionend`, and whether another one follows. So an Enter during a Hangul
composition sends when the composition has ended, and the empty field keeps a second one from sending again. */

import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { busy, draft, editing, ready } from "../state.js";
import { t } from "../texts/index.js";
import { say, stop } from "./conversation.js";

const HANGUL = /^[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]+$/;

export function Composer() {
  const field = useRef();
  const composed = useRef(null); // the text that is being composed
  const sendsAfter = useRef(false);

  useEffect(() => {
    if (editing.value) field.current.focus();
  }, [editing.value]);

  const send = () => {
    const text = field.current.value;
    if (!text.trim() || busy.value || !ready.value) return;
    draft.value = field.current.value = "";
    say(text);
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape" && editing.value) cancel();
    const isEnter = event.key === "Enter" || event.code === "Enter" || event.code === "NumpadEnter";
    if (!isEnter || event.shiftKey || event.repeat) return;
    if (event.isComposing || composed.current !== null) {
      sendsAfter.current = HANGUL.test(composed.current ?? ""); // of other scripts, Enter only takes the word
      return;
    }
    event.preventDefault();
    send();
  };
  const onCompositionEnd = () => {
    composed.current = null;
    if (!sendsAfter.current) return;
    sendsAfter.current = false;
    setTimeout(send); // the field has the last syllable by then
  };
  const cancel = () => {
    editing.value = false;
    draft.value = "";
  };
  return html`<form class="composer" onSubmit=${(event) => (event.preventDefault(), send())}>
    ${editing.value && html`<p class="note">${t("editing")} <button type="button" class="quiet" onClick=${cancel}>${t("cancel")}</button></p>`}
    <div class="field">
      <textarea ref=${field} rows="2" value=${draft.value} placeholder=${t("write")} aria-label=${t("write")} enterkeyhint="send"
        onInput=${(event) => (draft.value = event.target.value)}
        onKeyDown=${onKeyDown}
        onBeforeInput=${(event) => event.inputType === "insertLineBreak" && sendsAfter.current && event.preventDefault()}
        onCompositionStart=${() => (composed.current = "")}
        onCompositionUpdate=${(event) => (composed.current = event.data)}
        onCompositionEnd=${onCompositionEnd} />
      ${busy.value
        ? html`<button type="button" onClick=${stop}>${t("stop")}</button>`
        : html`<button type="submit" class="strong" disabled=${!ready.value}>${t("send")}</button>`}
    </div>
  </form>`;
}
