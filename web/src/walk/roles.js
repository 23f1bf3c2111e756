/* What a head does: named by where it looks, measured on example dialogues and on the talk. */

import { ToldNames } from "../engine/names.js";

// The share of its attention from which a head has the role's name. Few heads do one thing only.
const ROLES = { name: 0.5, previous: 0.3, same: 0.3, self: 0.4, first: 0.35, marks: 0.35 };
const MIN_MEASURED = 2; // tokens

/* Shares of attention, summed over tokens: [layer][head][role] and how many tokens were measured for each role. */
export class Roles {
  constructor({ n_layers, n_heads }) {
    this.sums = grid(n_layers, n_heads, () => Object.fromEntries(Object.keys(ROLES).map((role) => [role, 0])));
    this.measured = Object.fromEntries(Object.keys(ROLES).map((role) => [role, 0]));
  }

  /* Adds a sequence: trace, the first position that a reply is said from, and which tokens are of the person's name. */
  add(trace, nPrompt, ofName) {
    const { ids } = trace;
    for (let at = 3; at + 1 < ids.length; at++) {
      const places = (wanted) => [...Array(at + 1).keys()].filter(wanted);
      const isMark = (j) => ids[j] < 4;
      const seen = {
        previous: [at - 1],
        self: [at],
        first: [0],
        marks: places((j) => isMark(j) && j > 0 && j < at),
        same: isMark(at) ? [] : places((j) => j < at && ids[j] === ids[at]),
        name: at >= nPrompt - 1 && ofName[at + 1] ? places((j) => ofName[j] && j < nPrompt) : [],
      };
      for (const [role, js] of Object.entries(seen)) {
        if (!js.length) continue;
        this.measured[role] += 1;
        this.sums.forEach((heads, layer) =>
          heads.forEach((sums, head) => {
            const weights = trace.attention(at, layer, head);
            for (const j of js) sums[role] += weights[j];
          }),
        );
      }
    }
    return this;
  }

  share(layer, head, role) {
    return this.measured[role] < MIN_MEASURED ? 0 : this.sums[layer][head][role] / this.measured[role];
  }

  /* {role, share}: what the head does most clearly; role null where nothing stands out. */
  of(layer, head) {
    let best = { role: null, share: 0 }, clearest = 1;
    for (const [role, least] of Object.entries(ROLES)) {
      const share = this.share(layer, head, role);
      if (share / least >= clearest) [best, clearest] = [{ role, share }, share / least];
    }
    return best;
  }
}

/* Which tokens of a sequence are part of the person's name: (T) of true and false. */
export function tokensOfName(ids, messages, { tokenizer, namePatterns, generation }) {
  const none = ids.map(() => false);
  const { name } = new ToldNames(namePatterns, messages, generation.titles);
  if (!name) return none;
  const encoder = new TextEncoder();
  const parts = ids.map((id) => tokenizer.bytesOf?.[id] ?? encoder.encode(` ${tokenizer.decode([id])}`));
  const starts = [0];
  for (const part of parts) starts.push(starts.at(-1) + Math.max(1, part.length)); // a control token stands between
  const bytes = new Uint8Array(starts.at(-1)), wanted = encoder.encode(name);
  parts.forEach((part, n) => bytes.set(part, starts[n]));
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (!wanted.every((byte, n) => bytes[at + n] === byte)) continue;
    none.forEach((_, n) => {
      if (starts[n] < at + wanted.length && starts[n + 1] > at) none[n] = true;
    });
  }
  return none;
}

const grid = (rows, columns, make) => Array.from({ length: rows }, () => Array.from({ length: columns }, make));
