"""The model card, README.md of the model's folder. Numbers only, no text of the corpus."""

from typing import Any

from tinychat.model.config import ModelConfig


def model_card(config: ModelConfig, settings: dict[str, Any], metrics: dict[str, Any]) -> str:
    """The README.md of a model's folder."""
    train, runtime = settings["train"], settings["runtime"]
    sizes = ", ".join(f"{name} {value}" for name, value in config.to_dict().items())
    valid = "none was held out" if metrics["valid_loss"] is None else f"{metrics['valid_loss']:.4f}"
    return f"""---
library_name: tinychat
pipeline_tag: text-generation
---

# A dialogue model of tinychat

A Transformer decoder of {metrics["parameters"]:,} parameters, trained from scratch on the dialogues of one person or
project. It knows nothing else: it answers in their manner, and what lies outside them it makes up.

| | |
|---|---|
| architecture | {config.architecture}: {sizes} |
| trained for | {metrics["epochs"]} epochs, {metrics["steps"]} steps |
| learning rate | {train["learning_rate"]:g}, {train["optimizer"]} |
| kept | the weights after epoch {metrics["kept_epoch"]} |
| training loss then | {metrics["train_loss"]:.4f} nats per token |
| validation loss then | {valid} |
| trained on | {runtime["device"]}, {runtime["precision"]}, {runtime["threads"]} threads, torch {settings["torch"]} |

`config.json` is the shape, `model.safetensors` the weights, `tokenizer.json` the vocabulary (it opens with the library
`tokenizers`), `generation_config.json` the room that a prompt leaves for the reply and the replies that training gave
most often, `training.json` the settings. A dialogue is `<user> … <bot> … <eos>`, turn after turn.

To talk with it: `tinychat chat --model FOLDER`, or

```python
import tinychat

print(tinychat.load("models/dialogue").reply("안녕").text)
```

As a torch module:

```python
from tinychat.model import load_model
from tinychat.tokenizer import load_tokenizer

model, tokenizer = load_model("models/dialogue"), load_tokenizer("models/dialogue")
```

Its replies are likely words, not advice. It may repeat its training dialogues, so whoever has the folder can extract
parts of them.
"""
