/* The training questions that the page quotes where it was built with page.quote_training. They are unpacked when they
are asked for, since most talks do without. */

import { taken } from "../carried.js";
import { unpackWeights } from "../engine/model.js";
import { NearestQuestion } from "../engine/nearest.js";

let loaded = null;

async function load() {
  const bytes = await unpackWeights(taken("quotes"));
  const { questions, answers, of } = JSON.parse(new TextDecoder().decode(bytes));
  const index = await NearestQuestion.of(questions, () => new Promise((picture) => setTimeout(picture)));
  return { questions, answersOf: (row) => of[row].map((n) => answers[n]), index };
}

/* The `n` questions that are nearest to a text, the nearest first: {question, answers, similarity (0 to 1)}. */
export async function nearestQuestions(text, n) {
  const { questions, answersOf, index } = await (loaded ??= load());
  return index.nearest(text, n).map(([row, similarity]) => ({ question: questions[row], answers: answersOf(row), similarity }));
}
