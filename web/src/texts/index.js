/* The words of the page in two languages; a test compares the keys. */

import { signal } from "@preact/signals";
import { carried } from "../carried.js";
import { en } from "./en.js";
import { ko } from "./ko.js";

const LANGUAGES = { ko, en };
export const language = signal(carried.language);

// Korean particles: after a consonant, where the text has the form after a vowel.
const AFTER_CONSONANT = { 를: "을", 가: "이", 는: "은", 라고: "이라고", 로: "으로" };

/* The text of a key, with {name} replaced by values; {name|를} is followed by the particle in its right form. */
export function t(key, values = {}) {
  return LANGUAGES[language.value][key].replace(/\{(\w+)(?:\|(\p{L}+))?\}/gu, (_, name, particle) => {
    const value = String(values[name]);
    if (!particle) return value;
    const sound = finalSound(value), isAfterVowel = sound === "" || (sound === "ㄹ" && particle === "로");
    return value + (isAfterVowel ? particle : AFTER_CONSONANT[particle]);
  });
}

/* How a text ends when it is read aloud: "" with a vowel, "ㄹ" with that, "ㄱ" for any other consonant. Of English words it
is a guess by their last letters: bot is read as 봇, user as 유저, eos as 이오에스. */
function finalSound(text) {
  const [end = ""] = text.match(/(?:[A-Za-z]+|[\p{L}\p{N}])(?=[^\p{L}\p{N}]*$)/u) ?? [];
  if (/[가-힣]/.test(end)) return ["", ..."ㄱㄱㄱㄱㄱㄱㄱㄹㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱㄱ"][(end.charCodeAt(0) - 0xac00) % 28];
  if (/^[178LlRr]$|[A-Za-z]l$/.test(end)) return "ㄹ";
  return /^[036MmNn]$|[A-Za-z][mn]$|ng$|[aeiou][bckpt]$/i.test(end) ? "ㄱ" : "";
}

/* A whole number with commas. Intl would take its tables into memory for it, while the page opens. */
export const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

/* A probability for reading: 83%, 0.4%, <0.1%. */
export function percent(share) {
  if (share >= 0.9995) return "100%";
  if (share >= 0.01) return `${(100 * share).toFixed(share >= 0.1 ? 0 : 1).replace(/^100$/, "99.9")}%`;
  return share >= 0.0005 ? `${(100 * share).toFixed(1)}%` : "<0.1%";
}
