/* A conversation as a file: one line in the format of /save in `tinychat chat`, which a training can learn from. The file
also says that the model may repeat what it was trained on. */

import { t } from "../texts/index.js";

const NAME = "conversation.jsonl";

/* The messages that have a reply. An unfinished reply has weight 0: no model learns to end there. */
export function messagesToSave(messages) {
  return messages.flatMap(({ role, content, shown }, n) => {
    const before = messages[n - 1];
    if (role !== "assistant" || !content || before?.role !== "user") return [];
    const isWhole = !shown || shown.finish === "stop";
    return [{ role: "user", content: before.content }, { role, content, ...(isWhole ? {} : { weight: 0 }) }];
  });
}

export function save(messages) {
  const line = JSON.stringify({ messages: messagesToSave(messages), note: t("save.note") });
  const address = URL.createObjectURL(new Blob([`${line}\n`], { type: "application/x-ndjson" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: NAME });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may ask first where to put it
}
