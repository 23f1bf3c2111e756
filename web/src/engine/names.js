/* Which names a reply may call, and which one is the user's; see tinychat/tokenizer/told_names.py. The page carries the
patterns. */

export class NamePatterns {
  constructor({
    tells, corrects, may_tell, answers, asks_user, asks, asks_own, denies, praises, honorific, called, always_told, told, clause_ends, subject,
    speaker, name_word, no_names, calls_nobody, people, other_nouns, given_names,
  }) {
    const compile = (patterns, flags) => patterns.map((pattern) => new RegExp(pattern, flags));
    this.tells = compile(tells, "dgmu");
    this.corrects = compile(corrects, "dgmu");
    this.mayTell = compile(may_tell, "dgmu");
    this.answers = compile(answers, "dgmu");
    this.asksUser = new RegExp(asks_user, "u");
    this.asks = new RegExp(asks, "u");
    this.asksOwn = new RegExp(asks_own, "u");
    this.denies = new RegExp(denies, "u");
    this.praises = new RegExp(praises, "u");
    this.called = new RegExp(called, "gu");
    this.alwaysTold = always_told; // NAME is in the place of the name, in this one and the next
    this.told = told;
    this.clauseEnds = new RegExp(clause_ends, "u");
    this.subject = new RegExp(subject, "u");
    this.speaker = new RegExp(speaker, "u");
    this.honorific = honorific;
    this.nameWord = name_word;
    this.noNames = new Set(no_names);
    this.callsNobody = new RegExp(calls_nobody, "uy");
    this.people = new Set(people);
    this.otherNouns = new Set(other_nouns);
    this.givenNames = { ...given_names, whole: new Set(given_names.whole) };
    this.beginAsFamilyNames = [...people, ...other_nouns].filter(([first]) => given_names.families.includes(first));
  }

  /* Start and name of each name that stands before the honorific; empty where it stands alone. */
  *calledNames(text) {
    for (const found of text.matchAll(this.called)) yield [found.index, found[1]];
  }

  /* Whether a text says that somebody is called so (서연이라고 해), or calls them (서연님). */
  isCalled(name, said) {
    return withName(this.alwaysTold[lengthOf(name)], name, "u").test(said);
  }

  /* Whether a text says of its speaker that they are this, or tells the name alone (나는 서연이야, 나는 음치야). */
  isSaidToBe(name, said) {
    for (const { index } of said.matchAll(withName(this.told[lengthOf(name)], name, "gu"))) {
      const line = index ? said.slice(said.lastIndexOf("\n", index - 1) + 1, index) : "";
      if (!this.isAboutSomethingElse(line)) return true;
    }
    return false;
  }

  /* Whether a word looks like a Korean given name, with or without a family name (서연, 김서연, 하늘, not 라떼). */
  mayBeGivenName(word) {
    const { families, first, second, whole } = this.givenNames;
    const isGiven = (name) => {
      const [one, other, ...more] = name;
      return whole.has(name) || (Boolean(other) && !more.length && first.includes(one) && second.includes(other));
    };
    return families.some((family) => word.startsWith(family) && isGiven(word.slice(family.length)));
  }

  /* Whether a word is a noun that is no name; see nouns.py. */
  isNoun(word) {
    return this.otherNouns.has(word) || this.isKindOfPeople(word);
  }

  /* Whether a word says what kind of person somebody is, or is a compound that ends with one that does (승마선수). */
  isKindOfPeople(word) {
    if (this.people.has(word)) return true;
    const letters = [...word];
    if (letters.length <= LONGEST_NAME || this.mayBeGivenName(word)) return false;
    return letters.slice(2, -1).some((_, n) => this.people.has(letters.slice(n + 2).join("")));
  }

  /* Whether the clause in which this beginning of a line ends has a subject, and neither the speaker nor their name. */
  isAboutSomethingElse(line) {
    const clause = line.split(this.clauseEnds).at(-1);
    return this.subject.test(clause) && !this.speaker.test(clause);
  }
}

const lengthOf = (name) => ([...name].length === 1 ? "short" : "long"); // of one syllable, or more
export const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const withName = (pattern, name, flags) => new RegExp(pattern.replaceAll("NAME", escaped(name)), flags);
export const LETTER = "[가-힣A-Za-z0-9]";
const LONGEST_NAME = 3; // letters, of most Korean names

export class ToldNames {
  constructor(patterns, messages, titles) {
    this.patterns = patterns;
    this.titles = new Set(titles);
    this.said = messages.map((message) => message.content).join("\n");
    this.saidByUser = "";
    this.answered = new Set(); // what answered a question for the name
    const last = messages.at(-1)?.role === "user" ? messages.at(-1).content : "";
    const asked = patterns.asks.test(last), askedOwn = patterns.asksOwn.test(last);
    let told = [], mayBe = [], before = null;
    const wrong = new Set();
    for (const message of messages) {
      if (message.role === "user") {
        const text = message.content;
        this.saidByUser += `${text}\n`;
        const tell = (some, orKinds = true) => namesTold(text, some, patterns, orKinds);
        const saidBefore = before?.role === "assistant" ? before.content : "";
        const isAnswer = patterns.asksUser.test(saidBefore);
        told.push(...tell(patterns.tells, isAnswer || askedOwn));
        let mayTell = tell(patterns.mayTell);
        if (isAnswer) {
          if (!tell([...patterns.tells, ...patterns.mayTell]).length) mayTell = tell(patterns.answers);
          for (const name of mayTell) this.answered.add(name);
        }
        mayBe.push(...mayTell);
        const called = [...patterns.calledNames(saidBefore)].length > 0;
        const corrected = called ? tell(patterns.corrects) : [];
        if (corrected.length) {
          for (const name of [...told, ...mayBe]) wrong.add(name);
          [told, mayBe] = [corrected, []];
        }
      }
      before = message;
    }
    if (told.length) this.name = told.at(-1);
    else this.name = asked && new Set(mayBe).size === 1 ? mayBe[0] : null;
    const looksLikeAName = (name) => patterns.mayBeGivenName(name) && !this.isNoun(name);
    const isName = (name) => this.answered.has(name) || looksLikeAName(name);
    this.known = new Set([...told, ...mayBe.filter(isName)]);
    this.wrong = new Set([...wrong].filter((name) => !this.known.has(name)));
    const isTheirs = told.includes(this.name) || (this.known.has(this.name) && !this.isNoun(this.name));
    this.mayNotDeny = askedOwn && isTheirs; // whether the user asks for the name that they told
  }

  mayCall(name) {
    const { patterns } = this, { honorific } = patterns;
    if (this.titles.has(name) || patterns.noNames.has(name)) return true;
    const calledByUser = new RegExp(`(?<!${LETTER})${escaped(name)} ?${honorific}`, "u").test(this.saidByUser);
    if (this.name === null || !name)
      return name !== "" && (calledByUser || this.isTold(name, this.said));
    if (this.wrong.has(name)) return false;
    if (name === this.name || this.known.has(name) || calledByUser) return true;
    if (this.name.startsWith(name + honorific)) return true;
    if ([...name].length === 1 || this.name.startsWith(name)) return false;
    return this.name.endsWith(name) || this.isTold(name, this.saidByUser);
  }

  /* Whether these texts tell it as a name, or it answered a question for the name. Where somebody says what they are, only
  what looks like a Korean name is one (나는 서연이야, not 나는 라떼야). */
  isTold(name, said) {
    const { patterns } = this;
    if (this.answered.has(name)) return !patterns.otherNouns.has(name);
    if (this.isNoun(name)) return false;
    if (patterns.isCalled(name, said)) return true;
    return patterns.mayBeGivenName(name) && patterns.isSaidToBe(name, said);
  }

  /* Whether it is no name but what somebody is, or the end of such a word that was said (수 of 백수), where
  no word that was said begins with it. */
  isNoun(name) {
    const { beginAsFamilyNames } = this.patterns;
    if (this.patterns.isNoun(name) || this.patterns.people.has(`${name}이`)) return true;
    if (new RegExp(`(?<!${LETTER})${escaped(name)}`, "u").test(this.said)) return false;
    return beginAsFamilyNames.some((noun) => noun.slice(1) === name && this.said.includes(noun));
  }

  /* Where this beginning of a reply says that it does not know the name that the user told and now asks for; null where it
  does not, or calls the user by it. */
  denial(reply) {
    if (!this.mayNotDeny) return null;
    for (const [, name] of this.patterns.calledNames(reply)) if (name === this.name) return null;
    return this.patterns.denies.exec(reply)?.index ?? null;
  }

  /* Start and text of the first praise of a name in a reply, where the user told none; else null. */
  praised(reply) {
    const found = this.name === null && !this.known.size ? this.patterns.praises.exec(reply) : null;
    return found && [found.index, found[0]];
  }

  /* Start and name of the first one in a reply that may not be called; null where there is none. Where the user's name is
  cut, or its beginning said before it (제 임스님, 새 새봄님), both parts together are one name. */
  firstUntold(reply) {
    const { callsNobody } = this.patterns;
    for (const [start, name] of this.patterns.calledNames(reply)) {
      const begun = this.begunBefore(name, reply.slice(0, start));
      callsNobody.lastIndex = start;
      if (begun || callsNobody.test(reply) || !this.mayCall(name)) return [start - begun.length, begun + name];
    }
    return null;
  }

  /* The beginning of the user's name, and a space, where it stands before this name as a word of its own. */
  begunBefore(name, before) {
    const begun = before.endsWith(" ") ? before.slice(0, -1).split(" ").at(-1) : "";
    if (this.name === null || !begun || begun === this.name || !this.name.startsWith(begun)) return "";
    return name === this.name || begun + name === this.name ? `${begun} ` : "";
  }
}

/* Names that some of the patterns find, in the order of the text; without orKinds no kinds of people. */
function namesTold(text, some, patterns, orKinds) {
  const { honorific } = patterns;
  const matches = some.flatMap((pattern) => [...text.matchAll(pattern)]);
  matches.sort((one, other) => one.indices.groups.name[0] - other.indices.groups.name[0]);
  const names = [];
  let end = 0;
  for (const match of matches) {
    if (match.indices.groups.name[0] < end) continue;
    let name = match.groups.name;
    end = match.index + match[0].length;
    const withI = match.groups.i ? name + "이" : name;
    if (!endsWithConsonant(name) || patterns.people.has(withI)) name = withI; // it belongs to the name: 유이야, 쌍둥이야
    if ([...name].length > 2 && name.endsWith(honorific)) name = name.slice(0, -honorific.length);
    if (orKinds || !(match.groups.may_be_kind && patterns.isKindOfPeople(name))) names.push(name);
  }
  return names;
}

export function endsWithConsonant(name) {
  const last = name.at(-1);
  return !("가" <= last && last <= "힣") || (last.charCodeAt(0) - 0xac00) % 28 !== 0;
}
