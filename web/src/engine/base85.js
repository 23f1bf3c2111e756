/* Bytes that the page carries as text: five characters are four bytes, as tinychat/page/base85.py writes them. */

const DIGITS = 5, WORD = 4; // characters and bytes of a number
const AT_ONCE = 8192; // numbers
const WRONG = 128;
const CUBE = 85 ** 3;
const HIGHEST = Math.floor(2 ** 32 / CUBE); // what the two upper digits of a number may be

const digitOf = new Uint8Array(256).fill(WRONG);
const alphabet = Array.from({ length: 94 }, (_, n) => n + 33).filter((code) => !"\"$&'-<>\\`".includes(String.fromCharCode(code)));
alphabet.forEach((code, digit) => (digitOf[code] = digit));

/* Something in a text that is no data: which character, and where, from 1. */
export class WrongCharacter extends RangeError {
  constructor(text, at) {
    super(`character ${at + 1} of ${text.length}, ${JSON.stringify(text[at])}, is no data of a page`);
    Object.assign(this, { character: text[at], place: at + 1 });
  }
}

/* The bytes of a text. Throws WrongCharacter. */
export function fromBase85(text) {
  const words = new Uint32Array(Math.ceil(text.length / DIGITS));
  const utf8 = new TextEncoder(), codes = new Uint8Array(DIGITS * AT_ONCE);
  for (let begin = 0; begin < words.length; begin += AT_ONCE) {
    const some = text.slice(DIGITS * begin, DIGITS * (begin + AT_ONCE));
    const { read, written } = utf8.encodeInto(some, codes); // twice as fast as charCodeAt in Chromium
    codes.fill(alphabet[0], written);
    if (read < some.length || !decode(codes, words.subarray(begin, begin + AT_ONCE))) throw firstWrong(text);
  }
  const bytes = new Uint8Array(words.buffer), left = text.length % DIGITS;
  const size = WORD * Math.floor(text.length / DIGITS) + Math.max(0, left - 1);
  if (left === 1 || bytes.subarray(size).some(Boolean)) throw new WrongCharacter(text, text.length - 1);
  return bytes.subarray(0, size);
}

/* Numbers from the codes of their digits, the lowest first; whether all of them are numbers below 2³². */
function decode(codes, words) {
  let all = 0;
  for (let n = 0, at = 0; n < words.length; n++, at += DIGITS) {
    const a = digitOf[codes[at]], b = digitOf[codes[at + 1]], c = digitOf[codes[at + 2]];
    const d = digitOf[codes[at + 3]], e = digitOf[codes[at + 4]];
    const low = a + 85 * (b + 85 * c), high = d + 85 * e;
    all |= a | b | c | d | e;
    if (high >= HIGHEST && CUBE * high + low >= 2 ** 32) return false;
    words[n] = low + Math.imul(CUBE, high);
  }
  return !(all & WRONG);
}

function firstWrong(text) {
  for (let at = 0; at < text.length; at++) {
    const codes = new Uint8Array(DIGITS).fill(alphabet[0]), begin = at - (at % DIGITS);
    for (let n = begin; n <= at; n++) codes[n - begin] = text.charCodeAt(n) < 256 ? text.charCodeAt(n) : 0;
    if (!decode(codes, new Uint32Array(1))) return new WrongCharacter(text, at);
  }
}
