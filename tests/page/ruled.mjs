/* Which tokens of a reply a rule put in: for test_ruled.py. Reads {patterns, facts, pieces, said, asked, cases: [options, …]},
where `pieces` are the tokens' texts and `said` the ids that the model would say whatever stands before; or `texts` of ids, of
which it says the first that goes on as the reply has begun. It writes for each case the reply's text, [id, isRuled] of
its tokens, and for how many tokens, <eos> included, only the `common` replies were left. */

import { text } from "node:stream/consumers";
import { FactPatterns } from "../../web/src/engine/facts.js";
import { NamePatterns } from "../../web/src/engine/names.js";
import { Bot, GREEDY } from "../../web/src/engine/reply.js";
import { EOS } from "../../web/src/engine/tokenizer.js";

const { patterns, facts, pieces, said = [], texts = [], common = [], asked, cases } = JSON.parse(await text(process.stdin));
const idOf = (piece) => pieces.indexOf(piece);
const tokenizer = {
  unknown: [], bytesOf: null, size: pieces.length,
  encode: (content) => content.match(/[가-힣]님?|./gu).flatMap((part) => (idOf(part) < 0 ? [...part].map(idOf) : [idOf(part)])).filter((id) => id > 3),
  decode: (ids) => ids.filter((id) => id > 3).map((id) => pieces[id]).join(""),
};

let nPrompt = 0;
const read = []; // tokens of prompt and reply
const model = {
  config: { vocab_size: pieces.length, max_len: 64 },
  forward(ids, position) {
    const logits = new Float32Array(pieces.length);
    read.splice(position, Infinity, ...ids);
    const reply = read.slice(nPrompt);
    for (const [rank, one] of texts.entries())
      if (reply.every((id, n) => id === one[n])) logits[one[reply.length] ?? EOS] ||= 20 - rank;
    if (!texts.length) logits[said[reply.length] ?? EOS] = 5;
    return logits;
  },
};
const replies = cases.map((options) => {
  const bot = new Bot(model, tokenizer, { reply_tokens: 16, titles: [], common_replies: common }, new NamePatterns(patterns), new FactPatterns(facts));
  nPrompt = bot.prompt(asked, GREEDY).ids.length;
  const tokens = [];
  let nCommon = 0;
  for (const reply = bot.reply(asked, { ...GREEDY, ...options }); ; ) {
    const { value, done } = reply.next();
    if (done) return { text: value.text, tokens, nCommon };
    nCommon += value.isCommon ? 1 : 0;
    if (value.id === null) tokens.length = value.kept;
    else if (value.id !== EOS) tokens.push([pieces[value.id], value.isRuled]);
  }
});
process.stdout.write(JSON.stringify(replies));
