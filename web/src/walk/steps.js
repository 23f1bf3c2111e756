/* The steps of one token's way, in the article's order. `state`: the hidden state that stands there when the step is
done, as trace.js has them: 0 after the input layer, then two of each layer. `section` of the article. */

export function stepsOf({ n_layers }) {
  const layers = [...Array(n_layers).keys()].flatMap((layer) => [
    { kind: "attention", layer, state: 2 * layer + 1, section: 3 },
    { kind: "norm1", layer, state: 2 * layer + 1, section: 3 },
    { kind: "ffn", layer, state: 2 * layer + 2, section: 3 },
    { kind: "norm2", layer, state: 2 * layer + 2, section: 3 },
  ]);
  const last = 2 * n_layers;
  return [
    { kind: "tokens", state: null, section: 5 },
    { kind: "input", state: 0, section: 2 },
    ...layers,
    { kind: "output", state: last, section: 4 },
    { kind: "softmax", state: last, section: 10 },
    { kind: "choice", state: last, section: 7 },
  ];
}
