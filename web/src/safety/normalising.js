/* Text as the rules read it; see tinychat/safety/normalising.py. The page carries the substitutions. */

const SYLLABLES = 0xac00, FINALS_EACH = 28;

/* What normalises a text: in lower case, one sentence a line, without everyday spelling. */
export function makeNormalised({ substitutions, consonants, vowels, finals }) {
  const composed = (_, first, vowel, final) => {
    const last = final ? finals.indexOf(final) + 1 : 0;
    const before = consonants.indexOf(first) * vowels.length + vowels.indexOf(vowel);
    return String.fromCharCode(SYLLABLES + before * FINALS_EACH + last);
  };
  const steps = substitutions.map(([pattern, plain]) => [new RegExp(pattern, "gu"), plain ?? composed]);
  return (text) => {
    let plain = text.normalize("NFC").toLowerCase();
    for (const [pattern, other] of steps) plain = plain.replace(pattern, other);
    return plain.split("\n").map((line) => joined(line.replace(/^ +| +$/g, ""))).join("\n");
  };
}

/* A line of single syllables as one word: 죽 고 싶 다. */
function joined(line) {
  const words = line.split(" ");
  const isHangul = words.every((word) => "가" <= word[0] && word[0] <= "힣");
  return words.length > 3 && isHangul && [...line].length < 2.5 * words.length ? words.join("") : line;
}
