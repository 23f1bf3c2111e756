/* What the layers do to each token of a sequence.

T tokens, D embed_dim, H heads, F ffn_dim, V vocabulary, L layers. */

export class Trace {
  /* model: engine/model.js; slot: where it keeps the sequence. */
  constructor(model, slot) {
    Object.assign(this, { model, slot, ids: [], seen: [] });
    this.lenses = new Map();
  }

  /* Reads these ids; those that stand there already are not read again. */
  read(ids) {
    let same = 0;
    while (same < ids.length && same < this.ids.length && ids[same] === this.ids[same]) same++;
    this.seen.length = same;
    for (const at of [...this.lenses.keys()]) if (at >= same) this.lenses.delete(at);
    if (same < ids.length)
      this.model.forward(ids.slice(same), same, this.slot, (position, seen) => (this.seen[position] = seen));
    this.ids = [...ids];
    return this;
  }

  /* Attention weights of the token at `position`, (position + 1). */
  attention(position, layer, head) {
    return this.seen[position].attention[layer][head];
  }

  /* The logits (V) that the output layer gives for each of the 2 L + 1 hidden states of a token. */
  lens(position) {
    if (!this.lenses.has(position)) {
      if (this.lenses.size > 24) this.lenses.delete(this.lenses.keys().next().value);
      this.lenses.set(position, this.model.lens(this.seen[position].states));
    }
    return this.lenses.get(position);
  }

  /* The logits (V) after the last layer. */
  logits(position) {
    return this.lenses.get(position)?.at(-1) ?? this.model.lens(this.seen[position].states.slice(-1))[0];
  }
}
