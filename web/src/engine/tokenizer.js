/* Text to token ids and back, as tinychat/tokenizer does it; the page carries the tables. */

export const PAD = 0, USER = 1, BOT = 2, EOS = 3;
const CONTROL = 4; // ids below it are control tokens

// Qwen2's pre-tokenizer, with White_Space spelled out: JavaScript's \s has other members.
const S = "\\t-\\r\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const PIECES = new RegExp(
  "'(?:[sStTmMdD\\u017f]|[rR][eE]|[vV][eE]|[lL][lL])" +
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" +
    `| ?[^${S}\\p{L}\\p{N}]+[\\r\\n]*|[${S}]*[\\r\\n]+|[${S}]+(?![^${S}])|[${S}]+`,
  "gu",
);

/* The tokenizer that the tables describe: {kind: "bpe", bytes, merges} or {kind: "word", words, unknown}. */
export function makeTokenizer(tables) {
  return tables.kind === "word" ? new WordTokenizer(tables) : new ByteLevelTokenizer(tables);
}

class ByteLevelTokenizer {
  /* bytes: the id of each byte; merges: pairs of ids, in the order in which they were learnt, and what they become where
  it is not the next id, beginning with `first`. */
  constructor({ size, bytes, merges, first }) {
    this.size = size;
    this.idOfByte = bytes;
    this.bytesOf = Array(size).fill(new Uint8Array());
    bytes.forEach((id, byte) => (this.bytesOf[id] = Uint8Array.of(byte)));
    this.ranks = new Map();
    merges.forEach(([left, right, other], rank) => {
      const merged = other ?? first + rank;
      this.ranks.set(left * size + right, [rank, merged]);
      const joined = new Uint8Array(this.bytesOf[left].length + this.bytesOf[right].length);
      joined.set(this.bytesOf[left]);
      joined.set(this.bytesOf[right], this.bytesOf[left].length);
      this.bytesOf[merged] = joined;
    });
    this.cache = new Map();
    this.unknown = [];
  }

  encode(text) {
    const ids = [];
    for (const [piece] of ` ${text}`.matchAll(PIECES)) ids.push(...this.#encodePiece(piece));
    return ids;
  }

  #encodePiece(piece) {
    const known = this.cache.get(piece);
    if (known) return known;
    let ids = [...new TextEncoder().encode(piece)].map((byte) => this.idOfByte[byte]);
    while (ids.length > 1) {
      let best = null, lowest = Infinity;
      for (let i = 0; i + 1 < ids.length; i++) {
        const found = this.ranks.get(ids[i] * this.size + ids[i + 1]);
        if (found && found[0] < lowest) [lowest, best] = [found[0], [ids[i], ids[i + 1], found[1]]];
      }
      if (!best) break;
      const [left, right, merged] = best, shorter = [];
      for (let i = 0; i < ids.length; i++) {
        if (ids[i] === left && ids[i + 1] === right) {
          shorter.push(merged);
          i++;
        } else shorter.push(ids[i]);
      }
      ids = shorter;
    }
    if (this.cache.size < 10_000) this.cache.set(piece, ids);
    return ids;
  }

  decode(ids) {
    const parts = ids.filter((id) => id >= CONTROL && id < this.size).map((id) => this.bytesOf[id]);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return text.startsWith(" ") ? text.slice(1) : text;
  }

  /* A token in readable form: its text, <eos> and the like, or its bytes. */
  shown(id) {
    if (id < CONTROL) return ["<pad>", "<user>", "<bot>", "<eos>"][id];
    const bytes = this.bytesOf[id] ?? new Uint8Array();
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    if (!text.includes("\ufffd") && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text)) return text;
    return [...bytes].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`).join("");
  }
}

class WordTokenizer {
  constructor({ size, words, unknown }) {
    this.size = size;
    this.words = words;
    this.ids = new Map(words.map((word, id) => [word, id]));
    this.unknown = [unknown];
    this.hasWholeWords = true;
    this.bytesOf = null;
  }

  encode(text) {
    const words = text.split(new RegExp(`[${S}]+`, "u")).filter(Boolean);
    return words.map((word) => {
      const id = this.ids.get(word) ?? this.unknown[0];
      return id < CONTROL ? this.unknown[0] : id;
    });
  }

  decode(ids) {
    return ids.filter((id) => id >= CONTROL && id < this.size).map((id) => this.words[id]).join(" ");
  }

  shown(id) {
    return this.words[id] ?? `<${id}>`;
  }
}

/* The turns of a dialogue that are kept, so that it has at most `limit` tokens: the oldest are dropped first, and the
first that is kept is a user's. */
export function firstKeptTurn(roles, lengths, limit) {
  let total = 0, start = lengths.length;
  while (start > 0 && total + lengths[start - 1] <= limit) {
    start -= 1;
    total += lengths[start];
  }
  while (start > 0 && start < roles.length && roles[start] !== "user") start += 1;
  return start;
}

/* The prompt of messages that end with the user's: {ids, start}, `start` the first message that is kept. null where the
last one leaves no room for a reply. */
export function encodePrompt(tokenizer, messages, maxLen, replyTokens) {
  const turns = messages.map(({ role, content }) => {
    const ids = tokenizer.encode(content.normalize("NFC"));
    return role === "user" ? [USER, ...ids] : [BOT, ...ids, EOS];
  });
  const lengths = turns.map((turn) => turn.length);
  const limit = maxLen - 1 - Math.min(replyTokens, Math.floor(maxLen / 2));
  const start = Math.min(firstKeptTurn(messages.map((message) => message.role), lengths, limit), turns.length - 1);
  if (lengths[start] + 2 > maxLen) return null;
  return { ids: [...turns.slice(start).flat(), BOT], start };
}
