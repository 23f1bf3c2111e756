/* Logistic regression on hashed n-grams of characters; see tinychat/safety/classifier.py. */

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});
const utf8 = new TextEncoder();

function crc32(text) {
  let sum = 0xffffffff;
  for (const byte of utf8.encode(text)) sum = CRC[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

export class Classifier {
  /* weights: a whole number of `scale` for each hash, an Int8Array. */
  constructor({ scale, bias, threshold, syllables, jamo, not_read }, weights) {
    Object.assign(this, { scale, bias, threshold, syllables, jamo, weights });
    this.notRead = new RegExp(not_read, "gu");
  }

  /* The log-odds that a normalised text is about self-harm. */
  logit(plain) {
    const found = this.features(plain);
    let sum = 0;
    for (const index of found) sum += this.weights[index];
    return this.bias + (this.scale * sum) / Math.sqrt(found.size);
  }

  /* The indices of a text's n-grams of syllables and of jamo, each once. */
  features(plain) {
    const text = `^${plain.replace(this.notRead, "")}$`;
    const grams = new Set();
    addGrams(grams, "s", text, this.syllables);
    addGrams(grams, "j", text.normalize("NFD"), this.jamo);
    return new Set([...grams].map((gram) => crc32(gram) % this.weights.length));
  }
}

function addGrams(grams, kind, text, lengths) {
  const characters = [...text];
  for (const length of lengths)
    for (let start = 0; start + length <= characters.length; start++)
      grams.add(kind + characters.slice(start, start + length).join(""));
}
