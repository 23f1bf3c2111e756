/* What a user told of themselves and asks for; see tinychat/tokenizer/told_facts.py. The page carries the patterns. */

import { LETTER, endsWithConsonant, escaped } from "./names.js";

export class FactPatterns {
  constructor({
    tells, asks, asks_advice, and, corrects, corrects_it, no_longer, topics, same_kind, of_kind, closed, foods, people_kinds, no_fact, color, not_the_user,
    no_beginning, is_described, is_verb,
    particles, with_particle, which, behind, fit_consonant, fit_vowel, also_fit, answers, also_answers, behind_word,
  }) {
    const compile = (patterns, flags) => patterns.map(([topic, pattern]) => [topic, new RegExp(pattern, flags)]);
    this.tells = compile(tells, "dgmu");
    this.asks = compile(asks, "gmu");
    this.corrects = new RegExp(corrects, "mu");
    this.correctsIt = new RegExp(corrects_it, "mu"); // where the message tells another one
    this.noLonger = no_longer;
    this.asksAdvice = new RegExp(asks_advice, "mu");
    this.and = new RegExp(and, "u");
    this.topics = topics; // the names of those that are no kind of what one likes
    this.ofThemselves = new Set([topics.hobby, topics.learnt, topics.eaten, topics.disliked]);
    this.sameKind = new Map(same_kind);
    this.ofKind = new Map(of_kind.map(([kind, pattern]) => [kind, new RegExp(pattern, "u")]));
    this.closed = new Set(closed);
    this.foods = new Set(foods);
    this.peopleKinds = new Set(people_kinds);
    this.noFact = new Set(no_fact);
    this.color = color;
    this.notTheUser = new Set(not_the_user);
    this.noBeginning = new RegExp(`^(?:${no_beginning})`, "u");
    this.isDescribed = new RegExp(is_described, "u");
    this.isVerb = new RegExp(is_verb, "u");
    this.particles = particles;
    this.withParticle = new RegExp(with_particle, "u");
    this.which = new RegExp(`^(?:${which})$`, "u");
    this.behind = behind;
    this.fit = { consonant: fit_consonant, vowel: fit_vowel };
    this.alsoFit = new Map(also_fit);
    this.answers = answers;
    this.alsoAnswers = new Map(also_answers);
    this.behindWord = new RegExp(`^(?:${behind_word})`, "u");
  }

  /* The topics that a message asks for. */
  topicsAskedFor(text) {
    if (this.asksAdvice.test(text)) return new Set();
    return new Set(this.asks.flatMap(([topic, pattern]) => [...text.matchAll(pattern)].map((match) => this.topicOf(topic, match))));
  }

  /* The topic of a match: that of its pattern, or the kind that was said, or both. */
  topicOf(topic, { groups }) {
    const { if_known, if_food, favourite, disliked, name_of } = this.topics;
    if (topic === if_food) return disliked;
    if (topic !== null && topic !== name_of) return topic === if_known ? favourite : topic;
    const kind = groups.kind ?? "";
    return (topic ?? "") + (this.sameKind.get(kind) ?? (/ [거것]$/u.test(kind) ? "" : kind)); // 단 거 is no kind
  }

  /* What a message tells, [topic, word, noun], in its order; of two that overlap the one of the earlier pattern. */
  factsOf(text) {
    const found = [];
    for (const [topic, pattern] of this.tells)
      for (const match of text.matchAll(pattern)) {
        const [start, end] = match.indices.groups.word, noun = this.#nounOf(match);
        if (!noun || (topic === this.topics.if_known && !this.#isKnown(noun))) continue;
        if (topic === this.topics.if_food && !this.ofKind.get("음식").test(noun)) continue;
        if (found.some(([otherStart, otherEnd]) => start < otherEnd && otherStart < end)) continue;
        const { doing } = match.groups;
        found.push([start, end, [this.topicOf(topic, match), doing ? `${noun} ${doing} 거` : noun, noun]]);
      }
    return found.sort(([one], [other]) => one - other).map(([, , fact]) => fact);
  }

  /* The noun that was told, whole and without a particle; null where it is none. */
  #nounOf(match) {
    const { groups } = match;
    let { word } = groups, particle = groups.object || groups.subject || groups.i || "";
    if (particle) {
      const fits = endsWithConsonant(word) === "을이".includes(particle) || particle === "도";
      if (this.withParticle.test(word + particle) || !(fits || groups.i)) [word, particle] = [word + particle, ""];
    }
    const space = word.lastIndexOf(" "), first = word.slice(0, Math.max(space, 0));
    let last = word.slice(space + 1);
    if (this.which.test(`${first} `) || this.notTheUser.has(first) || this.noBeginning.test(word)) return null;
    if (first && this.color.includes(last)) return word; // 버건디 색
    if (this.noFact.has(first)) word = last;
    else if (first && this.noFact.has(last) && !particle) word = last = first;
    if (!particle && this.particles.includes(last.at(-1)) && [...last].length > 1 && !this.withParticle.test(last)) return null;
    const isBare = !particle && match.indices.groups.word[1] === match.index + match[0].length;
    if (isBare && this.isVerb.test(word)) return null;
    return this.noFact.has(last) || this.isDescribed.test(last) ? null : word;
  }

  #isKnown(noun) {
    return [...this.ofKind.values()].some((pattern) => pattern.test(noun));
  }

  /* Whether this fact is what is asked for by this topic. */
  isAnswer([told, word, noun], topic, namePatterns) {
    const { favourite, name_of } = this.topics;
    const isLiked = (one) => !this.ofThemselves.has(one) && !one.startsWith(name_of);
    if (!(isLiked(told) && isLiked(topic))) return told === topic;
    if (topic === favourite) return true;
    if (told !== favourite) return told.endsWith(topic) || topic.endsWith(told); // 사계절 and 계절
    const kind = this.foods.has(topic) ? "음식" : topic;
    if (this.ofKind.get(kind)?.test(word)) return true;
    if (!this.peopleKinds.has(kind) && namePatterns.mayBeGivenName(noun.replace(/이$/u, ""))) return false;
    return !this.closed.has(kind) && !this.#isKnown(noun);
  }
}

export class ToldFacts {
  constructor(patterns, namePatterns, messages) {
    this.patterns = patterns;
    this.words = [];
    this.ending = "";
    this.said = [];
    this.topic = patterns.topics.favourite; // of the last word
    const texts = messages.filter((message) => message.role === "user").map((message) => message.content);
    const asked = texts.length ? patterns.topicsAskedFor(texts.at(-1)) : new Set();
    if (!asked.size || patterns.factsOf(texts.at(-1)).length) return;
    let told = [];
    const isSame = (one, other) => one.every((part, n) => part === other[n]);
    for (const text of texts.slice(0, -1)) {
      const now = patterns.factsOf(text);
      if (patterns.corrects.test(text) || (now.length && patterns.correctsIt.test(text))) told = [];
      const isDropped = ([, word]) => new RegExp(`${escaped(word)}[^.!?\\n]{0,12}(?:${patterns.noLonger})`, "u").test(text);
      told = told.filter((fact) => !isDropped(fact) && !now.some((other) => isSame(fact, other)));
      told.push(...now);
    }
    const answering = told.filter((fact) => [...asked].some((topic) => patterns.isAnswer(fact, topic, namePatterns)));
    this.words = [...new Set(answering.map(([, word]) => word).reverse())].reverse();
    const nouns = answering.flatMap(([, , noun]) => noun.split(patterns.and));
    this.said = nouns.map((noun) => new RegExp(`(?<!${LETTER})${escaped(noun)}${patterns.behind}`, "u"));
    if (answering.length) [this.topic] = answering.at(-1);
    if (asked.size === 1 && asked.has(patterns.topics.eaten) && this.words.length > 1) this.words = []; // at different meals
    if (this.words.length) this.ending = endsWithConsonant(this.words.at(-1)) ? "이에요" : "예요";
  }

  /* Whether a reply says one of them, or there is none. */
  areSaid(reply) {
    return !this.words.length || this.said.some((word) => word.test(reply));
  }

  /* Whether a reply that begins with the last of the words may end so. */
  mayEnd(behind) {
    const fitting = endsWithConsonant(this.words.at(-1)) ? this.patterns.fit.consonant : this.patterns.fit.vowel;
    const cut = fitting.flatMap((ending) => [...ending].slice(1).map((_, n) => ending.slice(0, n + 1)));
    return !["", "은", "는", "을", "를", ...cut].includes(behind.trim());
  }

  /* Whether a reply that begins with the last of the words may go on so. */
  mayFollow(behind) {
    const { patterns } = this;
    const { ending, next, stop } = patterns.behindWord.exec(behind).groups;
    if (stop) return false;
    const alsoFit = patterns.alsoFit.get(this.topic) ?? [];
    const fitting = endsWithConsonant(this.words.at(-1)) ? patterns.fit.consonant : patterns.fit.vowel;
    if (!beginsAlike(ending, [...fitting, ...alsoFit])) return false;
    const isParticle = ["", "을", "를", ...alsoFit].includes(ending);
    const answers = [...patterns.answers, ...(patterns.alsoAnswers.get(this.topic) ?? [])];
    return !isParticle || next === undefined || beginsAlike(next.slice(1), answers);
  }
}

/* Whether this is the beginning of one of the others, or one of them its beginning. */
function beginsAlike(text, others) {
  return others.some((other) => text.startsWith(other) || other.startsWith(text));
}
