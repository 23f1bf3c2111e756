/* A message, and what one can do with it. */

import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { carried } from "../carried.js";
import { EOS } from "../engine/tokenizer.js";
import { model, tokenizer } from "../network.js";
import { headNames } from "../parts/heads.js";
import { word } from "../parts/words.js";
import { busy, guessed, guessing, messages, position, sequence, step, steps, tab } from "../state.js";
import { percent, t } from "../texts/index.js";
import { editLast, follow, retry } from "./conversation.js";
import { canFind, findHead } from "../walk/Finding.js";
import { Nearest } from "./Nearest.js";

export function Message({ message, at, isLast, isLastQuestion }) {
  const [isOpen, setOpen] = useState(false);
  const { role, content, shown } = message;
  const isShown = sequence.value?.message === at;
  return html`<article class=${`message ${role} ${isShown ? "shown" : ""}`} aria-label=${t(`said.${role}`)}>
    <div class="bubble">${shown ? html`<${Reply} at=${at} content=${content} shown=${shown} isShown=${isShown} />` : role === "help" ? html`<${Help} lines=${content} />` : content}</div>
    ${role === "help" && html`<p class="note">${t("help.about")}</p>`}
    ${shown && html`<${Notes} content=${content} shown=${shown} />`}
    <div class="row actions">
      ${shown?.prompt && html`<button type="button" class="quiet" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${t("why")}</button>`}
      ${shown?.prompt && !isShown && html`<button type="button" class="quiet" disabled=${busy.value} onClick=${() => follow(at, shown.prompt.length - 1)}>${t("follow")}</button>`}
      ${isShown && canFind.value && html`<button type="button" class="quiet" onClick=${findHead}>${t("find.start")}</button>`}
      ${isLast && shown && html`<button type="button" class="quiet" disabled=${busy.value} onClick=${retry}>${t("retry")}</button>`}
      ${isLastQuestion && html`<button type="button" class="quiet" disabled=${busy.value} onClick=${editLast}>${t("edit")}</button>`}
      <${Copy} text=${content} />
    </div>
    ${isOpen && shown?.prompt && html`<${Why} shown=${shown} at=${at} />
      ${carried.quotes && html`<${Nearest} text=${messages.value[at - 1].content} />`}`}
  </article>`;
}

/* Shows where a token of a reply came from. */
function goToToken(at, shown, n, kind) {
  if (sequence.value?.message !== at) follow(at, shown.prompt.length - 1 + n);
  else position.value = shown.prompt.length - 1 + n;
  tab.value = "walk";
  if (kind) step.value = steps.findIndex((one) => one.kind === kind);
}

/* The reply; the token that the walk stands at is marked, and what is still to be guessed is hidden. */
function Reply({ at, content, shown, isShown }) {
  const { tokens, finish } = shown;
  if (finish === "too_long") return html`<em>${t("reply.too_long", { max_len: model.config.max_len })}</em>`;
  if (!content) return html`<em>${t("reply.empty")}</em>`;
  if (!isShown) return content;
  const here = position.value - shown.prompt.length + 1; // the token that comes next in the walk
  const hides = (n) => guessing.value && (n > here || (n === here && !(position.value in guessed.value)));
  const pieces = [];
  let before = "";
  tokens.forEach(({ id }, n) => {
    if (id === EOS) return;
    const text = tokenizer.decode(tokens.slice(0, n + 1).map((token) => token.id)).replace(/^ +/, ""); // as `content` is
    if (!text.endsWith("\ufffd")) {
      pieces.push({ n, text: text.slice(before.length) });
      before = text;
    }
  });
  return pieces.map(({ n, text }) => hides(n)
    ? html`<span key=${n} class="hidden">${text.replace(/\S/g, "·")}</span>`
    : html`<span key=${n} class=${`token ${n === here ? "here" : ""}`} onClick=${() => goToToken(at, shown, n)}>${text}</span>`);
}

/* The help lines, which do not change with the page's language: a screen reader is told which one each is in. */
function Help({ lines }) {
  return lines.split("\n").map((line, n) => html`<span key=${n} lang=${/[가-힣]/.test(line) ? "ko" : "en"}>${n ? "\n" : ""}${line}</span>`);
}

function Notes({ content, shown }) {
  const { finish, start, how, tries, off, before } = shown;
  const notes = [];
  if (off.length) notes.push(t("reply.off", { heads: headNames(off) }));
  if (finish === "stopped") notes.push(t("reply.stopped"));
  if (finish === "length") notes.push(t("reply.length"));
  if (start > 0) notes.push(t(carried.generation.single_exchange ? "reply.alone" : "reply.forgot", { max_len: model.config.max_len }));
  if (tries?.length > 1 || how.temperature) notes.push(t("reply.drawn", { temperature: how.temperature, seed: how.seed }));
  return html`${notes.length > 0 && html`<p class="note">${notes.join(" · ")}</p>`}
    ${before && html`<p class="note before">${before === content ? t("reply.unchanged") : t("reply.before", { text: before })}</p>`}`;
}

function Why({ shown, at }) {
  return html`<table class="why">
    <caption>${t("why.about")} ${t("why.speed", { n: shown.tokens.length, ms: Math.round(1000 * shown.seconds) })}</caption>
    <thead><tr><th scope="col">${t("why.token")}</th><th scope="col">${t("why.probability")}</th><th scope="col">${t("why.others")}</th></tr></thead>
    <tbody>${shown.tokens.map(
      ({ id, probability, top, isRuled }, n) => html`<tr key=${n}>
        <th scope="row"><button type="button" class="quiet" onClick=${() => goToToken(at, shown, n, "softmax")}>${word(id)}</button></th>
        <td><span class="bar"><i style=${`width:${100 * probability}%`} /></span><span class="value">${percent(probability)}</span></td>
        <td>${isRuled && html`<span class="ruled">${t("ruled")}</span> `}${top.filter(([other]) => other !== id).slice(0, 3).map(([other, share]) => html`<span class="said">${word(other)} <small>${percent(share)}</small></span>`)}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

function Copy({ text }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return html`<button type="button" class="quiet" onClick=${copy}>${t(isCopied ? "copied" : "copy")}</button>`;
}

/* Browsers give a page from a file no clipboard in some cases; selecting the text works there. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
