"""A valid file of every format, for the tests that damage them."""

import json
from pathlib import Path

from tests.corpus.json_samples import DOCUMENTS
from tests.corpus.messenger_samples import FILES as MESSENGERS
from tests.corpus.test_kakaotalk import VARIANTS as KAKAOTALK
from tests.corpus.text_samples import TEXTS

PAIRS = [("안녕", "네, 안녕하세요!"), ("잘 자", "좋은 꿈 꾸세요"), ("오늘 뭐 먹지?", "따뜻한 국수, 어때요?")]


def samples(folder: Path) -> dict[str, bytes]:
    """The content of a file of each format, by its name. `folder` is for formats that are written by their library."""
    folder.mkdir(parents=True, exist_ok=True)
    chats = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in PAIRS]
    found = {f"kakaotalk/{name}.txt": text.encode() for name, text in KAKAOTALK.items()}
    found["qa.csv"] = "\n".join(["Q,A", *(f'"{q}","{a}"' for q, a in PAIRS), ""]).encode()
    found["qa.tsv"] = "\n".join(["질문\t답변", *(f"{q}\t{a}" for q, a in PAIRS), ""]).encode("cp949")
    found["chat.jsonl"] = "".join(json.dumps({"messages": m}, ensure_ascii=False) + "\n" for m in chats).encode()
    found["chat.json"] = json.dumps([{"messages": m} for m in chats], ensure_ascii=False, indent=1).encode()
    for name, (data, _) in DOCUMENTS.items():
        found[f"{name}.json"] = json.dumps(data, ensure_ascii=False, indent=1).encode()
        if isinstance(data, list):
            found[f"{name}.jsonl"] = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in data).encode()
    found |= {name: text.encode() for name, (text, _) in TEXTS.items()}
    found |= {f"{name.partition('-')[0].partition('.')[0]}/{name}": text.encode() for name, text in MESSENGERS.items()}
    return found
