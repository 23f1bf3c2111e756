/* When a rule matches; see tinychat/safety/rules.py. The page carries the patterns. */

export class Rule {
  #compiled = null;

  /* context: how many characters before a match `unless_ending` looks at. */
  constructor({ keywords, pattern, unless, unless_ending }, context) {
    this.keywords = keywords;
    this.sources = { pattern, unless, unless_ending };
    this.context = context;
  }

  /* Whether it matches a normalised sentence. */
  matches(sentence) {
    if (!this.keywords.some((word) => sentence.includes(word))) return false;
    const { pattern, unless, ending } = (this.#compiled ??= this.#compile()); // at first use: it takes time
    if (unless?.test(sentence)) return false;
    for (const { index } of sentence.matchAll(pattern))
      if (!ending?.test([...sentence.slice(0, index)].slice(-this.context).join(""))) return true;
    return false;
  }

  #compile() {
    const { pattern, unless, unless_ending } = this.sources;
    const optional = (source) => (source ? new RegExp(source, "u") : null);
    return { pattern: new RegExp(pattern, "gu"), unless: optional(unless), ending: optional(unless_ending) };
  }
}
