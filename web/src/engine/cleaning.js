/* Text as the corpus keeps it; see tinychat/corpus/cleaning.py. */

const MAX_MARKS = 30;
export const MAX_CHARACTERS = 1_000_000;
const PICTURE =
  "\\u00a9\\u00ae\\u203c\\u2049\\u2122\\u2139\\u2190-\\u21ff\\u2300-\\u23ff\\u24c2\\u25a0-\\u27bf\\u2900-\\u297f" +
  "\\u2b00-\\u2bff\\u3030\\u303d\\u3297\\u3299\\u{1F000}-\\u{1FAFF}\\u{1FC00}-\\u{1FFFD}";
/* Letters that stand alone, which NFKC made parts of syllables. */
const LONE_LETTER = new RegExp(
  "[\\u1100-\\u1112](?![\\u1160-\\u11a7\\ud7b0-\\ud7c6])" +
    "|(?<![\\u1100-\\u115f\\ua960-\\ua97c])[\\u1161-\\u1175](?![\\u11a8-\\u11ff\\ud7cb-\\ud7fb])",
  "g",
);
const CONSONANTS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const STEPS = [
  (text) => text.replace(/\r\n|[\r\x85\u2028\u2029]/g, "\n"),
  (text) => text.replace(/[\u3164\u115f\u1160\uffa0]/g, " "),
  (text) => text.replace(/[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " "),
  (text) =>
    text.replace(
      /[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g,
      "",
    ),
  (text) => text.replace(new RegExp(`(?<![${PICTURE}\\ufe0f])\\u200d|\\u200d(?![${PICTURE}])`, "gu"), ""),
  cutMarks,
  (text) => cutMarks(cutMarks(text).normalize("NFC")).replace(LONE_LETTER, alone),
  (text) =>
    text
      .replace(/ {2,}/g, " ")
      .replace(/ ?\n ?/g, "\n")
      .replace(/\n{3,}/g, "\n\n")
      .replace(/^[ \n]+|[ \n]+$/g, ""),
];

export function cleanText(text) {
  const whole = text.replace(/\p{Surrogate}/gu, "\ufffd"); // halves of a pair; not all browsers have toWellFormed
  return STEPS.reduce((cleaned, step) => step(cleaned), whole);
}

function alone(letter) {
  const code = letter.charCodeAt(0);
  return CONSONANTS[code - 0x1100] ?? String.fromCharCode(0x314f + code - 0x1161); // ㅏ to ㅣ
}

function cutMarks(text) {
  return text.replace(new RegExp(`(\\p{M}{${MAX_MARKS}})\\p{M}+`, "gu"), "$1");
}
