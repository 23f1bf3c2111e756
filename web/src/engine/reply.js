/* A reply, token by token, with what tinychat/generation/engine.py and reply_rules.py refuse: broken characters, names
that nobody told, that a told name was not told, a reply that does not say what was told, the same words without end,
a reply that was said before. */

import { cleanText } from "./cleaning.js";
import { BOT, EOS, PAD, USER, encodePrompt } from "./tokenizer.js";
import { ToldFacts } from "./facts.js";
import { ToldNames } from "./names.js";

const MAX_UNTOLD_NAMES = 40;
const TRIES_AT_A_PLACE = 2;
const MAX_FACTS_REFUSED = 12;
const SYLLABLE_RUN = /([가-힣](?: ?[가-힣]){0,5}?)(?: ?\1){5}/u;
const MIN_REPEATED = 2;
const MAX_RUNS = 8;
const MAX_REPEATS = 4;
const MAX_MARGIN = 1.6; // nats
const SENTENCE_END = /(?<![.!?])[.!?]+[^\p{L}\p{N}_\s]*(?=\s)/gu;
const ENDED = /(?<![.!?])[.!?]+[^\p{L}\p{N}_\s]*\s*$/u;

export const GREEDY = { temperature: 0, topK: 0, topP: 1, seed: 0, maxTokens: 64 };

/* Numbers in [0, 1) from a seed, the same in every browser (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* The probabilities of logits at a temperature, (V). */
export function softmax(logits, temperature = 1) {
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  const probabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += probabilities[i] = Math.exp((logits[i] - highest) / temperature);
  for (let i = 0; i < logits.length; i++) probabilities[i] /= sum;
  return probabilities;
}

/* The ids of the n largest values, the largest first; of equal ones the first. */
export function likeliest(values, n) {
  const ids = [];
  for (let i = 0; i < values.length; i++) {
    if (ids.length === n && !(values[i] > values[ids[n - 1]])) continue;
    let at = ids.length;
    while (at > 0 && values[i] > values[ids[at - 1]]) at--;
    ids.splice(at, 0, i);
    if (ids.length > n) ids.pop();
  }
  return ids;
}

function chooseToken(logits, { temperature, topK, topP }, random) {
  if (!temperature) return likeliest(logits, 1)[0];
  const probabilities = softmax(logits, temperature);
  const k = topK || logits.length;
  let order = [...probabilities.keys()].filter((id) => probabilities[id] > 0);
  order.sort((one, other) => probabilities[other] - probabilities[one] || one - other);
  if (k < order.length) {
    const lowest = probabilities[order[k - 1]]; // ties all stay
    order = order.filter((id) => probabilities[id] >= lowest);
  }
  const total = order.reduce((sum, id) => sum + probabilities[id], 0);
  let reached = 0, kept = 0;
  while (kept < order.length && (kept === 0 || reached < topP * total)) reached += probabilities[order[kept++]];
  let rest = random() * reached;
  for (let i = 0; i < kept; i++) if ((rest -= probabilities[order[i]]) < 0) return order[i];
  return order[kept - 1];
}

/* Messages as turns that alternate, as tinychat/corpus/turns.py makes them: blank ones are left out, and those of one side
in a row are joined. */
export function turnsOf(messages) {
  const turns = [];
  for (const message of messages) {
    const { role } = message, content = cleanText(message.content), last = turns.at(-1);
    if (!content) continue;
    if (last?.role === role) last.content += `\n${content}`;
    else turns.push({ role, content });
  }
  return turns;
}

export class Bot {
  /* generation: reply_tokens, titles, single_exchange and common_replies, as generation_config.json has them. */
  constructor(model, tokenizer, generation, namePatterns, factPatterns) {
    Object.assign(this, { model, tokenizer, generation, namePatterns, factPatterns });
    const { vocab_size } = model.config;
    this.never = [PAD, USER, BOT, ...tokenizer.unknown];
    for (let id = tokenizer.size; id < vocab_size; id++) this.never.push(id);
    this.utf8 = tokenizer.bytesOf ? new Utf8(tokenizer.bytesOf, vocab_size) : null;
    this.held = []; // the tokens in the cache's slot 0
    this.common = (generation.common_replies ?? [])
      .map((text) => [text, [...tokenizer.encode(text), EOS]])
      .filter(([, ids]) => !ids.some((id) => tokenizer.unknown.includes(id)));
    const lastByte = new TextEncoder().encode(namePatterns.honorific).at(-1);
    const bytes = (id) => tokenizer.bytesOf?.[id] ?? new TextEncoder().encode(tokenizer.decode([id]));
    this.mayEndName = [...Array(vocab_size).keys()].map((id) => bytes(id)?.includes(lastByte) ?? false);
  }

  /* The turns that are read: the last alone where training had no second exchange. */
  #turns(messages) {
    const turns = turnsOf(messages);
    return this.generation.single_exchange ? turns.slice(-1) : turns;
  }

  prompt(messages, { maxTokens }) {
    const reply = Math.min(maxTokens, this.generation.reply_tokens), turns = this.#turns(messages);
    const prompt = encodePrompt(this.tokenizer, turns, this.model.config.max_len, reply);
    return prompt && { ...prompt, start: prompt.start + turnsOf(messages).length - turns.length };
  }

  /* The reply to messages that end with the user's, as a generator: of each token {id, logits, text, isRuled, isCommon}, where text
  is the whole reply so far, logits (V) are what the network said before rules and chance, and isRuled says that the token
  is of a word that the user told, put in by a rule, and isCommon that only the common replies were left to choose from
  (neither is with options.nameRules false); where a name or a sentence is
  taken back, {id: null, kept, text}, kept the number of tokens that are left. At the end it returns
  {text, ids, finish}; finish: stop, length. null where the last message is too long. `see(position, seen)` gets what the
  layers did to every token of prompt and reply. */
  *reply(messages, options = GREEDY, see = null) {
    const prompt = this.prompt(messages, options);
    if (!prompt) return null;
    const turns = this.#turns(messages);
    const names = new ToldNames(this.namePatterns, turns, this.generation.titles);
    const facts = new ToldFacts(this.factPatterns, this.namePatterns, turns);
    const earlier = new Set(turns.filter((message) => message.role === "assistant").map((m) => m.content));
    const random = generator(options.seed ?? 0);
    const { model, tokenizer } = this;
    const ids = [], margins = [];
    let refused = [], forced = [], among = [], namesRefused = 0, factsRefused = 0, runsRefused = 0, repeatsRefused = 0, hasDenied = false;
    let logits = this.#read([...prompt.ids], see);
    const decode = (some) => this.#text(some);
    const takeBack = (kept, token, instead = [], replies = []) => {
      ids.length = margins.length = kept;
      refused = refused.filter(([n]) => n <= kept);
      if (token !== null) refused.push([kept, token]);
      forced = [...instead];
      among = replies;
      logits = this.#read([...prompt.ids, ...ids], see);
    };
    for (;;) {
      const allowed = Float32Array.from(logits);
      for (const id of this.never) allowed[id] = -Infinity;
      this.utf8?.suppress(allowed, this.utf8.pendingAfter(ids));
      for (const [n, id] of refused) if (n === ids.length) allowed[id] = -Infinity;
      let isCommon = false;
      if (among.length) {
        const going = among.filter((one) => ids.every((id, n) => id === one[n])).map((one) => one[ids.length]);
        isCommon = going.some((id) => allowed[id] > -Infinity);
        if (isCommon)
          for (let id = 0; id < allowed.length; id++) if (!going.includes(id)) allowed[id] = -Infinity;
      }
      const isForced = forced.length > 0;
      const token = isForced ? forced.shift() : chooseToken(allowed, options, random);
      if (earlier.size) margins.push(isForced ? Infinity : margin(allowed, token));
      const back = options.nameRules !== false && factsRefused <= MAX_FACTS_REFUSED && this.#toldFact([...ids, token], facts, factsRefused, refused);
      if (back) {
        factsRefused += 1;
        if (back.how) {
          takeBack(...back.how);
          yield { id: null, kept: ids.length, text: decode(ids) };
          continue;
        }
      }
      const untold = options.nameRules !== false && this.#untoldName(ids, token, names, namesRefused, refused, earlier, options.maxTokens);
      if (untold) {
        namesRefused += 1;
        takeBack(...untold.back);
        const kept = decode(ids);
        if (untold.mayEnd && kept && !earlier.has(kept)) return { text: decode(ids), ids, finish: "stop" };
        yield { id: null, kept: ids.length, text: decode(ids) };
        continue;
      }
      const denied = options.nameRules !== false && !hasDenied && this.#deniedName([...ids, token], names);
      if (denied) {
        hasDenied = true;
        takeBack(...denied);
        yield { id: null, kept: ids.length, text: decode(ids) };
        continue;
      }
      const run = options.nameRules !== false && !among.length && runsRefused < MAX_RUNS && this.#syllableRun([...ids, token], prompt.ids, runsRefused);
      if (run) {
        runsRefused += 1;
        takeBack(...run);
        yield { id: null, kept: ids.length, text: decode(ids) };
        continue;
      }
      if (token === EOS) {
        const back = repeatsRefused < MAX_REPEATS && this.#otherStart(ids, earlier, margins);
        if (back !== false && back !== null) {
          repeatsRefused += 1;
          takeBack(back, [...ids, token][back]);
          yield { id: null, kept: ids.length, text: decode(ids) };
          continue;
        }
        yield { id: EOS, logits, text: decode(ids), isCommon };
        return { text: decode(ids), ids, finish: "stop" };
      }
      ids.push(token);
      yield { id: token, logits, text: decode(ids), isRuled: isForced, isCommon };
      if (ids.length === options.maxTokens || prompt.ids.length + ids.length === model.config.max_len)
        return { text: decode(ids), ids, finish: "length" };
      logits = this.#read([...prompt.ids, ...ids], see);
    }
  }

  /* The logits after these tokens; those that are in the cache already are not computed again. */
  #read(ids, see) {
    let same = 0;
    if (!see) while (same < ids.length - 1 && same < this.held.length && ids[same] === this.held[same]) same++;
    const logits = this.model.forward(ids.slice(same), same, 0, see);
    this.held = ids;
    return logits;
  }

  /* If this token completes a name that nobody told, or praises one after n were taken back: how to go on. */
  #untoldName(ids, token, names, n, refused, earlier, maxTokens) {
    if (n >= MAX_UNTOLD_NAMES || !(this.mayEndName[token] || n)) return null;
    const all = [...ids, token];
    const text = this.#text(all);
    const untold = names.firstUntold(text) ?? (n ? names.praised(text) : null);
    if (!untold) return null;
    const [start, name] = untold;
    if (names.name !== null) {
      const called = text.slice(0, start) + names.name + text.slice(start + name.length);
      const back = this.#instead(all, called);
      if (back) return { back, mayEnd: false };
    }
    const { nameWord } = this.namePatterns;
    const said = text.slice(0, start);
    const before = text.slice(0, endOfSentences(names.name === null ? said.split(nameWord, 1)[0] : said));
    const texts = [...all, null].map((_, n) => this.#text(all.slice(0, n)));
    const longest = texts.reduce((best, one) => (before.startsWith(one) && one.length > best.length ? one : best), "");
    // More than one where a token has no text, such as the space before a rare syllable at the start.
    const places = [...texts.keys()].filter((place) => texts[place] === longest).reverse();
    const tries = (place) => refused.filter(([kept]) => kept === place).length;
    const kept = places.find((place) => tries(place) < TRIES_AT_A_PLACE) ?? places.at(-1);
    const may = longest === "" && names.name === null, first = texts.find((one) => one && !one.includes("\ufffd")) ?? text;
    const isRefused = (id) => refused.some(([kept, token]) => kept === 0 && token === id);
    const fits = ([one, ids]) =>
      !one.startsWith(first) && !earlier.has(one) && !isRefused(ids[0]) && ids.length <= maxTokens + 1;
    const common = may ? this.common.filter(fits) : [];
    if (common.length) return { back: [0, null, [], common.map(([, tokens]) => tokens)], mayEnd: true };
    return { back: [kept, all[kept]], mayEnd: true };
  }

  /* If these tokens say that the bot does not know the name which the user told and asks for: how the sentence begins with
  that name instead. */
  #deniedName(ids, names) {
    if (!names.mayNotDeny) return null;
    const text = this.#text(ids);
    const start = names.denial(text);
    if (start === null) return null;
    const before = text.slice(0, endOfSentences(text.slice(0, start))).trimEnd();
    return this.#instead(ids, before ? `${before} ${names.name}` : names.name);
  }

  /* If these tokens end a reply that has not said what the user told and asks for: how one begins that says it. If that one
  goes on with no answer, of which n were refused: how it goes on instead. */
  #toldFact(ids, facts, n, refused) {
    if (!facts.words.length) return null;
    const text = this.#text(ids), word = facts.words.at(-1), withEnding = word + facts.ending;
    const begins = n > 0 && text.startsWith(word), behind = text.slice(word.length);
    if (ids.at(-1) === EOS) {
      if (facts.areSaid(text) && (!begins || facts.mayEnd(behind))) return null;
      return { how: this.#instead(ids, n > 0 || this.tokenizer.hasWholeWords ? withEnding : word) };
    }
    if (!begins || behind.includes("\ufffd") || facts.mayFollow(behind)) return null;
    if (n === MAX_FACTS_REFUSED) return { how: this.#instead(ids, withEnding) };
    const tried = refused.filter(([kept]) => kept === ids.length - 1).length, ofWord = this.tokenizer.encode(word);
    const isWhole = tried >= TRIES_AT_A_PLACE && ofWord.every((id, at) => ids[at] === id);
    const kept = isWhole ? ofWord.length : ids.length - 1;
    return { how: [kept, ids[kept]] };
  }

  /* If in these tokens the same syllables or words stand six times in a row, and nobody said that before: they stay twice
  (뽀로로), after n other runs once, and another token follows. */
  #syllableRun(ids, promptIds, n) {
    if (new Set(ids).size > ids.length - MIN_REPEATED) return null;
    const run = SYLLABLE_RUN.exec(this.#text(ids));
    if (!run || this.tokenizer.decode(promptIds).includes(run[0])) return null;
    const once = run.index + run[1].length;
    const stays = run.input.slice(0, n ? once : run.input.indexOf(run[1], once) + run[1].length);
    let kept = ids.length - 1;
    while (!stays.startsWith(this.#text(ids.slice(0, kept)))) kept--;
    return [kept, ids[kept]];
  }

  /* What takes these tokens back to where this text differs, and says the text; null where the vocabulary has no tokens. */
  #instead(ids, text) {
    const instead = this.tokenizer.encode(text);
    if (this.tokenizer.decode(instead) !== text) return null;
    let kept = 0;
    while (kept < ids.length && kept < instead.length && ids[kept] === instead[kept]) kept++;
    return kept < ids.length ? [kept, ids[kept], instead.slice(kept)] : null;
  }

  /* If a reply was said before: where another one was most nearly as likely, at a sentence's beginning; else null. */
  #otherStart(ids, earlier, margins) {
    if (!earlier.has(this.#text(ids))) return null;
    let best = null;
    for (let n = 0; n <= ids.length; n++) {
      const text = this.#text(ids.slice(0, n));
      if ((text === "" || ENDED.test(text)) && (best === null || margins[n] < margins[best])) best = n;
    }
    return best !== null && margins[best] <= MAX_MARGIN ? best : null;
  }

  /* The text of a reply, as it is shown. */
  #text(ids) {
    return this.tokenizer.decode(ids).replace(/^ +/, "");
  }
}

export function endOfSentences(text) {
  let end = 0;
  for (const found of text.matchAll(SENTENCE_END)) end = found.index + found[0].length;
  return end;
}

function margin(logits, token) {
  let other = -Infinity;
  for (let i = 0; i < logits.length; i++) if (i !== token && logits[i] > other) other = logits[i];
  return logits[token] - other;
}

/* Which tokens would give invalid UTF-8; see tinychat/tokenizer/utf8.py. */
class Utf8 {
  constructor(bytesOf, vocabSize) {
    this.bytesOf = bytesOf;
    this.vocabSize = vocabSize;
    this.cache = new Map();
  }

  /* The bytes of the character that is incomplete after these tokens. */
  pendingAfter(ids) {
    const bytes = [];
    for (let i = ids.length - 1; i >= 0 && bytes.length < 4; i--) bytes.unshift(...this.bytesOf[ids[i]]);
    for (let back = 1; back <= Math.min(3, bytes.length); back++) {
      const byte = bytes[bytes.length - back];
      if (byte < 0x80) return [];
      if (byte >= 0xc0) return back < lengthOf(byte) ? bytes.slice(-back) : [];
    }
    return [];
  }

  suppress(logits, pending) {
    const key = pending.join();
    if (!this.cache.has(key)) {
      const breaking = [];
      for (let id = 0; id < this.vocabSize; id++) {
        const bytes = this.bytesOf[id];
        if (bytes?.length ? !isValidPrefix([...pending, ...bytes]) : pending.length) breaking.push(id);
      }
      this.cache.set(key, breaking);
    }
    for (const id of this.cache.get(key)) logits[id] = -Infinity;
  }
}

const lengthOf = (first) => (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2);

/* Whether some text begins with these bytes. */
function isValidPrefix(bytes) {
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i];
    if (first < 0x80) {
      i += 1;
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return false;
    const length = lengthOf(first);
    for (let k = 1; k < length && i + k < bytes.length; k++) {
      let [low, high] = [0x80, 0xbf];
      if (k === 1 && first === 0xe0) low = 0xa0;
      if (k === 1 && first === 0xed) high = 0x9f;
      if (k === 1 && first === 0xf0) low = 0x90;
      if (k === 1 && first === 0xf4) high = 0x8f;
      if (bytes[i + k] < low || bytes[i + k] > high) return false;
    }
    i += length;
  }
  return true;
}
