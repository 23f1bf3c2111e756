/* The questions nearest to a text: cosine of TF-IDF over character 1- to 3-grams, as tinychat/evaluation/retrieval.py
has it. */

import { likeliest } from "./reply.js";

const NGRAMS = [1, 2, 3];
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u; // str.split's
const AT_ONCE = 1000; // questions between two pauses

export class NearestQuestion {
  /* The index of these questions; it waits for pause() now and then, so that a page can be drawn. */
  static async of(questions, pause) {
    const ids = new Map(), frequency = [], grams = [];
    for (const [row, question] of questions.entries()) {
      if (row % AT_ONCE === 0) await pause();
      const counts = countsOf(question), own = new Uint32Array(counts.size);
      let n = 0;
      for (const gram of counts.keys()) {
        let id = ids.get(gram);
        if (id === undefined) ids.set(gram, (id = ids.size));
        frequency[id] = (frequency[id] ?? 0) + 1;
        own[n++] = id;
      }
      grams.push({ own, counts: Float64Array.from(counts.values()) });
    }
    return new NearestQuestion(ids, frequency, grams);
  }

  /* Inverted index: of the gram `id`, from begins[id] to begins[id + 1], the questions that have it and its weights. */
  constructor(ids, frequency, grams) {
    Object.assign(this, { ids, size: grams.length });
    this.idf = Float64Array.from(frequency, (n) => Math.log(grams.length / n) + 1);
    this.begins = new Uint32Array(frequency.length + 1);
    frequency.forEach((n, id) => (this.begins[id + 1] = this.begins[id] + n));
    this.rows = new Uint32Array(this.begins.at(-1));
    this.weights = new Float64Array(this.begins.at(-1));
    const ends = this.begins.slice(0, -1);
    grams.forEach(({ own, counts }, row) => {
      const weights = this.#weightsOf(own, counts);
      own.forEach((id, n) => {
        this.rows[ends[id]] = row;
        this.weights[ends[id]++] = weights[n];
      });
    });
  }

  /* The `n` nearest questions, the nearest first: [index, similarity (0 to 1)]; of equally near ones the first. */
  nearest(text, n) {
    const known = [...countsOf(text)].filter(([gram]) => this.ids.has(gram));
    const own = known.map(([gram]) => this.ids.get(gram));
    const weights = this.#weightsOf(own, known.map(([, count]) => count));
    const scores = new Float64Array(this.size);
    own.forEach((id, at) => {
      for (let i = this.begins[id]; i < this.begins[id + 1]; i++) scores[this.rows[i]] += weights[at] * this.weights[i];
    });
    return likeliest(scores, n).filter((row) => scores[row] > 0).map((row) => [row, Math.min(scores[row], 1)]);
  }

  #weightsOf(own, counts) {
    const weights = Float64Array.from(own, (id, n) => counts[n] * this.idf[id]);
    const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0)) || 1;
    return weights.map((weight) => weight / length);
  }
}

/* How often each gram of a text occurs, in the order in which they first do. */
function countsOf(text) {
  const characters = [..." " + casefold(text).split(SPACES).filter(Boolean).join(" ") + " "];
  const counts = new Map();
  for (const length of NGRAMS)
    for (let at = 0; at + length <= characters.length; at++) {
      const gram = characters.slice(at, at + length).join("");
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
  return counts;
}

/* As str.casefold, but for Cherokee. */
function casefold(text) {
  const fold = (one) => (one === "ı" ? one : [...one.toUpperCase()].map((part) => part.toLowerCase()).join(""));
  return text.replace(/[A-Z]|[^\x00-\x7f\uac00-\ud7a3]/gu, fold);
}
