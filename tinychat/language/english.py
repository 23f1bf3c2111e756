"""The texts of the chat in English. The texts of errors are where they are raised."""

# ruff: noqa: E501 (a text is a line)

TEXTS = {
    "error": "error: {text}",
    "error.no_room": "error: {text}; make room, then run the same command again",
    # The end of `make repro`.
    "next": "now talk with it: {command}\nor in a browser: {page}\nand read the summary: {summary}",
    # The conversation.
    "user_prompt": "you › ",
    "bot_prompt": "bot › ",
    "welcome": "tinychat · {folder} · /help for help · Ctrl-D to leave",
    "how_to_leave": "Ctrl-D leaves",
    "stopped": "stopped",
    "reply.stopped": "…(stopped)",
    "reply.length": "…(length limit)",
    "reply.empty": "(says nothing)",
    "truncated": "(the conversation is long, so the oldest turns are forgotten: this model reads {max_len} tokens at a time)",
    "single_exchange": "(this model has learnt single questions and answers only: it answers each message without what was said before)",
    # Output of commands.
    "reset": "(from the beginning)",
    "undone": "(taken back: {question})",
    "again": "({question} · this time {options})",
    "no_other": "({question} · drawn {tries} times, but no other reply came)",
    "seed.unused": "(seed {seed}: not used by greedy)",
    "seed.used": "({options} · greedy again: /temperature 0)",
    "options.greedy": "greedy: always the likeliest token",
    "options.chance": "temperature {temperature:g}, seed {seed}",
    "options": "({options})",
    "saved": "(saved in {path}: exchanges: {exchanges})",
    "saved.unfinished": "(saved in {path}: exchanges: {exchanges}, of which {unfinished} with an unfinished reply have weight 0)",
    "why.token": "token",
    "why.probability": "prob.",
    "why.others": "other candidates",
    "why.nearest": "nearest training dialogues ({path})",
    "why.no_dialogues": "(no training dialogues to show: {path})",
    # /help.
    "help.help": "this help",
    "help.reset": "forget everything and start again",
    "help.undo": "undo the last message and its reply",
    "help.retry": "answer the last message differently",
    "help.seed": "show the seed of the draw, or set it to N",
    "help.temperature": "show the temperature, or set it to X (0: always the likeliest token)",
    "help.save": "save the conversation as FILE.jsonl, to be learnt from",
    "help.save!": "replace FILE.jsonl by this conversation",
    "help.why": "probability and alternatives of each token of the last reply, and the nearest training dialogues",
    "help.quit": "leave (Ctrl-D)",
    "help.slashes": "send a message that begins with /",
    "help.ctrl_c": "stop the reply; clear the line",
    "help.arrows": "earlier lines",
}
