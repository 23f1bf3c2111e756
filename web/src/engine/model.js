/* The network in WebAssembly: kernels of tinychat/generation/int8.c over the weights that the page carries.

T tokens in a sequence, D embed_dim, H heads, F ffn_dim, V vocabulary, L layers. */

import { fromBase85 } from "./base85.js";

// As `array_of` in int8.c numbers the arrays that are read or set here.
const WORDS = 0, WORD_SCALES = 1, POSITIONS = 2, HEADS_OFF = 5, ATTENTION = 6, STATES = 7, UNITS = 8, HIDDEN = 9;
const LAYER_PARTS = 16, FFN_OUT = 9; // the parts of a layer; where its last product is among them
const PANEL = 16;
const MAX_TOKENS = 64; // in one call
const PAGE = 65536;

/* The weights as bytes: deflated and in base85, as tinychat/page/packing.py wrote them. */
export async function unpackWeights(text) {
  const packed = fromBase85(text);
  const stream = new ReadableStream({
    start(control) {
      control.enqueue(packed); // in one piece; a Blob's stream would come in many, through another process
      control.close();
    },
  });
  return new Uint8Array(await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}

export class Model {
  /* kernels: the WebAssembly module's bytes; config: sizes; arrays: where each array of the weights begins; weights:
  what unpackWeights gives. Each of the slots 0, 1 and 2 holds a sequence. */
  static async load(kernels, config, arrays, weights) {
    const { instance } = await WebAssembly.instantiate(kernels, {});
    return new Model(instance.exports, config, arrays, weights);
  }

  constructor(exports, config, arrays, weights) {
    this.config = config;
    this.slots = 3;
    this.c = exports;
    const { n_layers, n_heads, max_len, embed_dim, ffn_dim, vocab_size } = config;
    const sizes = [n_layers, this.slots, n_heads, max_len, embed_dim, ffn_dim, vocab_size, MAX_TOKENS, 1];
    this.model = align(exports.__heap_base.value);
    const size = align(exports.arrange(0, ...sizes));
    this.input = this.model + size; // ids, slots, positions of a call
    this.output = align(this.input + 3 * 4 * MAX_TOKENS); // logits
    const rows = align(this.output + 4 * MAX_TOKENS * vocab_size);
    const largest = Math.max(...arrays.map((array) => array.bytes));
    grow(exports.memory, rows + largest);
    exports.arrange(this.model, ...sizes);
    const memory = new Uint8Array(exports.memory.buffer);
    for (const { part, offset, bytes, rows: height, columns } of arrays) {
      const source = weights.subarray(offset, offset + bytes);
      const target = exports.array_of(this.model, part);
      if (columns) {
        memory.set(source, rows);
        exports.pack(rows, columns, height, target);
      } else memory.set(source, target);
    }
  }

  /* The logits (V) after the last of these new tokens of the sequence in a slot, the first of them at `position`. */
  forward(ids, position = 0, slot = 0, see = null) {
    let last = 0;
    for (let begin = 0; begin < ids.length; begin += MAX_TOKENS) {
      const some = ids.slice(begin, begin + MAX_TOKENS);
      const numbers = this.#int32(this.input, 3 * MAX_TOKENS);
      for (let i = 0; i < some.length; i++) {
        numbers[i] = some[i];
        numbers[MAX_TOKENS + i] = slot;
        numbers[2 * MAX_TOKENS + i] = position + begin + i;
      }
      const at = (part) => this.input + 4 * MAX_TOKENS * part;
      this.c.forward(this.model, some.length, at(0), at(1), at(2));
      if (see) for (let i = 0; i < some.length; i++) see(position + begin + i, this.#seen(i, position + begin + i));
      last = some.length - 1;
    }
    const hidden = this.c.array_of(this.model, HIDDEN) + 4 * last * this.config.embed_dim;
    this.c.logits_of(this.model, hidden, 1, this.output);
    return this.#float32(this.output, this.config.vocab_size).slice();
  }

  /* The logits of hidden states: an array of Float32Array (D) → one of Float32Array (V). */
  lens(states) {
    const { embed_dim, vocab_size } = this.config;
    const found = [];
    for (const state of states) {
      // The output is large enough for the states of a call, and is read before the next.
      const at = this.output + 4 * vocab_size;
      this.#float32(at, embed_dim).set(state);
      this.c.logits_of(this.model, at, 1, this.output);
      found.push(this.#float32(this.output, vocab_size).slice());
    }
    return found;
  }

  /* Switch a head on or off. */
  switchHead(layer, head, isOn) {
    const flags = new Uint8Array(this.c.memory.buffer, this.c.array_of(this.model, HEADS_OFF));
    flags[layer * this.config.n_heads + head] = isOn ? 0 : 1;
  }

  /* The vector (D) of a token, as the word embedding has it. */
  wordVector(id) {
    const { embed_dim } = this.config;
    const words = this.c.array_of(this.model, WORDS) + embed_dim * id;
    const [scale] = this.#float32(this.c.array_of(this.model, WORD_SCALES) + 4 * id, 1);
    return Float32Array.from(new Int8Array(this.c.memory.buffer, words, embed_dim), (whole) => whole * scale);
  }

  /* The vector (D) of a place in the sequence. */
  positionVector(position) {
    const { embed_dim } = this.config;
    return this.#float32(this.c.array_of(this.model, POSITIONS) + 4 * embed_dim * position, embed_dim).slice();
  }

  /* What a unit of a feed-forward adds to the hidden state (D) when it is at 1. */
  unitVector(layer, unit) {
    const { embed_dim, ffn_dim } = this.config;
    const part = LAYER_PARTS * (layer + 1) + FFN_OUT;
    const panels = new Int8Array(this.c.memory.buffer, this.c.array_of(this.model, part));
    const scales = this.#float32(this.c.array_of(this.model, part + 1), embed_dim);
    const pairs = Math.ceil(ffn_dim / 2); // as `pack` in int8.c lays them out
    return Float32Array.from(scales, (scale, row) => {
      const panel = Math.floor(row / PANEL) * pairs + Math.floor(unit / 2);
      return panels[panel * 2 * PANEL + (row % PANEL) * 2 + (unit % 2)] * scale;
    });
  }

  /* What the layers did to token `i` of the last call, which stands at `position`: attention [layer][head] (T), states
  (D) after the input layer and after each half of each layer, units [layer] (F). */
  #seen(i, position) {
    const { n_layers, n_heads, max_len, embed_dim, ffn_dim } = this.config;
    const view = (part, size) => this.#float32(this.c.array_of(this.model, part) + 4 * size * i, size);
    const attention = view(ATTENTION, n_layers * n_heads * max_len);
    const states = view(STATES, (2 * n_layers + 1) * embed_dim);
    const units = view(UNITS, n_layers * ffn_dim);
    return {
      attention: range(n_layers).map((layer) =>
        range(n_heads).map((head) => {
          const begin = (layer * n_heads + head) * max_len;
          return attention.slice(begin, begin + position + 1);
        }),
      ),
      states: range(2 * n_layers + 1).map((n) => states.slice(n * embed_dim, (n + 1) * embed_dim)),
      units: range(n_layers).map((n) => units.slice(n * ffn_dim, (n + 1) * ffn_dim)),
    };
  }

  #float32(at, size) {
    return new Float32Array(this.c.memory.buffer, at, size);
  }

  #int32(at, size) {
    return new Int32Array(this.c.memory.buffer, at, size);
  }
}

export const range = (n) => [...Array(n).keys()];

const align = (address) => (address + 63) & ~63;

function grow(memory, bytes) {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}
