/* The browser asks before a talk of the person's own is lost, where it was not saved. The listener is there only then: with
one, browsers keep no page for the way back. */

import { effect } from "@preact/signals";
import { isOwn, messages, saved } from "../state.js";
import { messagesToSave } from "./saving.js";

const ask = (event) => event.preventDefault();

export function askBeforeLeaving() {
  effect(() => {
    const isLost = isOwn.value && messages.value !== saved.value && messagesToSave(messages.value).length > 0;
    if (isLost) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
  });
}
