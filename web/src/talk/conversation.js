/* The talk: what a person says, the model's reply to it, and what is shown of it meanwhile. */

import { batch } from "@preact/signals";
import { carried } from "../carried.js";
import { cleanText } from "../engine/cleaning.js";
import { likeliest, softmax } from "../engine/reply.js";
import { EOS } from "../engine/tokenizer.js";
import { bot, model } from "../network.js";
import { helpInDanger, readByModel } from "../safety/help.js";
import { busy, draft, editing, guessed, headsOff, hovered, isOwn, messages, options, position, sequence, step } from "../state.js";
import { show } from "../walk/showing.js";

// ms of computing between two pictures: as long as the last one took, so that half of the time is left for the model.
const LEAST_COMPUTING = 24, MOST_COMPUTING = 60;
const ALTERNATIVES = 5;
// A retry draws by chance, also where the talk takes the likeliest token: as /retry of `tinychat chat`.
const RETRY = { temperature: 0.8, topK: 50, topP: 0.95 };
const MAX_TOKENS = 64;
const MAX_TRIES = 5;

let stopped = false;

/* The example that the page opens with: a dialogue of which the model says the last line. */
export async function openExample(number) {
  const turns = carried.examples[number];
  if (turns) await answerTo(turns.map((content, n) => ({ role: n % 2 ? "assistant" : "user", content })));
}

/* A conversation of these messages, of which the model says the next one. */
export async function answerTo(said) {
  newConversation();
  messages.value = said.map(({ role, content }) => ({ role, content }));
  await answer();
}

export function newConversation() {
  stop();
  batch(() => {
    messages.value = [];
    isOwn.value = false;
    sequence.value = null;
    editing.value = false;
    step.value = 0;
  });
}

/* Says a text; where the last message is being edited, in its place. false where there is nothing to say. */
export async function say(text) {
  const content = cleanText(text);
  if (!content || busy.value) return false;
  const before = editing.value ? messages.value.slice(0, lastQuestion()) : messages.value;
  batch(() => {
    messages.value = [...before, { role: "user", content }];
    isOwn.value = true;
    editing.value = false;
    draft.value = "";
  });
  await answer();
  return true;
}

export function editLast() {
  batch(() => {
    draft.value = messages.value[lastQuestion()].content;
    editing.value = true;
  });
}

const lastQuestion = () => messages.value.findLastIndex((message) => message.role === "user");

/* Another reply to the last question. */
export async function retry() {
  const question = lastQuestion();
  const replies = messages.value.slice(question + 1).map((message) => message.content);
  const last = messages.value.at(-1), earlier = last.shown?.tries ?? [...replies], before = saidByAll(last);
  messages.value = messages.value.slice(0, question + 1);
  const how = options.value.temperature ? { ...options.value } : { ...RETRY, seed: options.value.seed };
  for (let n = 1; n <= MAX_TRIES; n++) {
    await answer({ how: { ...how, seed: how.seed + earlier.length + n - 1 }, tries: earlier, another: n < MAX_TRIES, before });
    if (stopped || !earlier.includes(messages.value.at(-1)?.content)) break;
  }
}

/* What all heads said, where a message is their reply or has it beside it; else null. */
function saidByAll({ role, content, shown }) {
  if (shown?.off.length) return shown.before;
  return role === "assistant" ? content : null;
}

/* The same question once more, with the heads that are on now; the reply of all heads stays beside it. */
export async function answerAgain() {
  const before = saidByAll(messages.value.at(-1));
  messages.value = messages.value.slice(0, lastQuestion() + 1);
  await answer({ before });
}

export function stop() {
  stopped = true;
}

/* Adds the help lines in place of the model's reply. */
function help(asked, lines) {
  batch(() => {
    messages.value = [...asked, { role: "help", content: lines }];
    if (sequence.value?.message >= asked.length) sequence.value = null; // it was the reply to what has been edited
  });
}

/* Adds the model's reply, or the help lines. tries: replies that were there before it; one of them is dropped where `another`
may come. before: what all heads said to the same. With heads off no rule puts names in, so that one sees what they did. */
async function answer({ how = options.value, tries = [], another = false, before = null } = {}) {
  const asked = messages.value;
  const [last, earlier] = asked.filter(({ role }) => role === "user").reverse();
  const lines = helpInDanger(last.content, earlier?.content);
  if (lines) return help(asked, lines);
  const read = readByModel(asked);
  stopped = false;
  busy.value = true;
  hovered.value = null;
  guessed.value = {};
  const off = headsOff.value;
  const settings = { ...how, maxTokens: MAX_TOKENS, nameRules: !off.length };
  const prompt = bot.prompt(read, settings);
  const reply = { prompt: prompt?.ids, start: prompt?.start, tokens: [], finish: null, how, tries, off, before: off.length ? before : null };
  const began = performance.now();
  try {
    const tokens = bot.reply(read, settings);
    let drawn = -Infinity, computing = 0, isFirst = true, text = "";
    for (;;) {
      const { value, done } = tokens.next();
      if (done) {
        reply.finish = value?.finish ?? "too_long";
        text = value?.text ?? "";
        if (reply.tokens.at(-1)?.id !== EOS) reply.tokens.length = value?.ids.length ?? 0;
        break;
      }
      text = value.text;
      keep(reply, value);
      const now = performance.now();
      if (now - drawn > computing) {
        put(asked, text, reply, !isFirst || sequence.value?.message === asked.length);
        isFirst = false;
        await new Promise((picture) => setTimeout(picture));
        if (stopped || messages.value[asked.length - 1] !== asked.at(-1)) break;
        drawn = performance.now();
        computing = Math.max(LEAST_COMPUTING, Math.min(MOST_COMPUTING, drawn - now));
      }
    }
    if (messages.value[asked.length - 1] !== asked.at(-1)) return; // a new conversation began
    reply.finish ??= "stopped";
    reply.seconds = (performance.now() - began) / 1000;
    reply.tries = [...new Set([...tries, text])];
    put(asked, text, reply);
  } finally {
    busy.value = false;
  }
  if (prompt && !another) position.value = prompt.ids.length - 1;
}

/* A token of the reply with its probability and the others that were likely; after a name or a sentence that was taken
back, only what is left. */
function keep(reply, { id, logits, kept, isRuled, isCommon }) {
  if (id === null) {
    reply.tokens.length = kept;
    return;
  }
  const probabilities = softmax(logits);
  const top = likeliest(probabilities, ALTERNATIVES).map((other) => [other, probabilities[other]]);
  reply.tokens.push({ id, probability: probabilities[id], top, isRuled, isCommon });
}

/* Shows what was said so far. The first token is there sooner without its walk, which comes with the next picture. */
function put(asked, content, reply, walks = true) {
  const shown = { ...reply, tokens: [...reply.tokens] };
  batch(() => {
    messages.value = [...asked, { role: "assistant", content, shown }];
    if (reply.prompt && walks) follow(asked.length);
  });
}

/* Shows the way of a reply through the layers. at: its number among the messages; from: the token to begin with. */
export function follow(at, from = null) {
  const { prompt, tokens } = messages.value[at].shown;
  const ids = [...prompt, ...tokens.map((token) => token.id)].slice(0, model.config.max_len);
  show({ ids, nPrompt: prompt.length, message: at }, from ?? Math.max(prompt.length - 1, ids.length - 2));
}
