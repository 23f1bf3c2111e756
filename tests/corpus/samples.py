"""A valid file of every format, for the tests that damage them."""

import gzip
import json
from pathlib import Path

import duckdb
import zstandard

from tests.corpus.archives import zipped
from tests.corpus.json_samples import DOCUMENTS
from tests.corpus.messenger_samples import FILES as MESSENGERS
from tests.corpus.test_kakaotalk import VARIANTS as KAKAOTALK
from tests.corpus.test_xlsx import saved, workbook
from tests.corpus.text_samples import TEXTS

PHOTO = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100)
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
    found["xlsx/qa.xlsx"] = saved(
        workbook(표지=[["제목"]], 대화=[["질문", "답변", "수"], *((*pair, 1.5) for pair in PAIRS)])
    )
    return found | parquet_files(folder)


def parquet_files(folder: Path) -> dict[str, bytes]:
    """A table of pairs, and one of messages."""
    rows = ", ".join(f"('{q}', '{a}')" for q, a in PAIRS)
    messages = "[{'role': 'user', 'content': q}, {'role': 'assistant', 'content': a}]"
    found = {}
    for name, select in {"qa.parquet": "q AS question, a AS answer", "chat.parquet": f"{messages} AS messages"}.items():
        duckdb.sql(f"COPY (SELECT {select} FROM (VALUES {rows}) t(q, a)) TO '{folder / name}' (FORMAT parquet)")
        found[f"parquet/{name}"] = (folder / name).read_bytes()
    return found


def packed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Archives of some of these files."""
    return {
        "chat.zip": zipped({"_chat.txt": files["kakaotalk/ios-ko.txt"], "a.jpg": PHOTO, "qa.csv": files["qa.csv"]}),
        "qa.csv.gz": gzip.compress(files["qa.csv"], mtime=0),
        "qa.csv.zst": zstandard.compress(files["qa.csv"]),
    }
