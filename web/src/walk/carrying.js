/* What is said of the head that matters most for a word. */

const MUCH = 0.1; // of the probability: a head that takes less away does not carry a word alone

/* Which text says it. before: the word's probability; now: that without the head. */
export function carriedBy(before, now) {
  if (before < MUCH) return "headmap.unlikely";
  return before - now < MUCH ? "headmap.shared" : "headmap.most";
}
