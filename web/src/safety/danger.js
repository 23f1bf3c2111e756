/* Recognises talk of self-harm and suicide, by rules and by a classifier; see tinychat/safety/danger.py. */

import { Classifier } from "./classifier.js";
import { makeNormalised } from "./normalising.js";
import { Rule } from "./rules.js";

export class Danger {
  /* tables: of tinychat/page/safety_tables.py; weights: the classifier's, an Int8Array. */
  constructor(tables, weights) {
    this.normalised = makeNormalised(tables.normalising);
    this.rules = tables.rules.map((rule) => new Rule(rule, tables.context));
    this.classifier = new Classifier(tables.classifier, weights);
    this.settings = tables;
  }

  /* Whether a message speaks of it. before: the same person's message before it. */
  isRecognised(text, before = "") {
    return this.matchesRule(text) || this.isClassified(text, before);
  }

  matchesRule(text) {
    const sentences = this.sentences(text, this.settings.max_characters);
    return sentences.some((sentence) => this.rules.some((rule) => rule.matches(sentence)));
  }

  /* Whether the classifier takes a message for danger, by itself or together with the one before. */
  isClassified(text, before = "") {
    const { classifier } = this, { slack, pair_margin: margin } = this.settings;
    const windows = this.windows(text);
    const logits = windows.map((window) => classifier.logit(window));
    const logit = logits.reduce((one, other) => Math.max(one, other), logits.length ? -Infinity : classifier.bias);
    if (logit > classifier.threshold) return true;
    if (!before || logit < classifier.threshold - slack) return false;
    return classifier.logit(`${this.windows(before)[0] ?? ""} ${windows[0] ?? ""}`) > classifier.threshold + margin;
  }

  /* The normalised sentences of a message; of a very long one, those of its two ends. */
  sentences(text, most) {
    if (text.length > 2 * most) {
      const characters = [...text];
      if (characters.length > 2 * most)
        text = `${characters.slice(0, most).join("")}\n${characters.slice(-most).join("")}`;
    }
    return this.normalised(text).split("\n").filter(Boolean);
  }

  /* What the classifier looks at: a message as a whole if it is short, and its sentences, long ones in pieces that
  overlap. */
  windows(text) {
    const size = this.settings.window, step = Math.floor(size / 2);
    const sentences = this.sentences(text, this.settings.max_classified);
    const whole = sentences.join(" "), isShort = [...whole].length <= size;
    const found = whole && isShort ? [whole] : [];
    if (sentences.length > 1 || !isShort)
      for (const sentence of sentences) {
        const characters = [...sentence];
        for (let start = 0; start < Math.max(1, characters.length - step); start += step)
          found.push(characters.slice(start, start + size).join(""));
      }
    return found;
  }
}
