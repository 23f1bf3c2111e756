"""Generates the tables of the documents from `reports/` and from the saved results of the benchmarks.

    python -m tools.docs_figures             write them into the pages (`make docs-figures`)
    python -m tools.docs_figures --check     exit code 1 where a page differs from its source

A page has `<!-- figures: NAME -->` and `<!-- /figures -->` around a table; NAME is one of TABLES. Pages in docs/ko and
README.ko.md get Korean words.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from tinychat.files import read_json
from tools.page_figures import page_rows

ROOT = Path(__file__).resolve().parent.parent
EVALUATION = "reports/evaluate/metrics.json"
SONGYS = "benchmarks/results/songys.json"  # … of songys alone, train.epochs=4
GENERATION = "benchmarks/results/generation.json"
MASKING = "benchmarks/results/masking.json"
NEAR_DUPLICATES = "benchmarks/results/near_duplicates.json"
CANARIES = "benchmarks/results/canaries.json"
DATA = "benchmarks/results/data.json"
PAGE = "benchmarks/results/page.json"
MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- /figures -->)", re.DOTALL)

Rows = list[tuple[str, ...]]
Text = tuple[str, str]  # English, Korean

MEASURES: dict[str, Text] = {
    "seen": (
        "a phrasing it was trained on: one of the intent’s answers",
        "학습한 표현: 그 질문의 답 가운데 하나로 답합니다",
    ),
    "near": ("a new phrasing whose words it knows", "아는 낱말로 된 새 표현"),
    "far": ("a new phrasing with a word that it does not know", "모르는 낱말이 든 새 표현"),
    "taken_for_unknown": (
        "a new phrasing of known words, wrongly called “not learnt yet” (lower is better)",
        "아는 낱말로 된 새 표현인데 모른다고 합니다(낮을수록 좋음)",
    ),
    "with_details": ("a new message, longer and with details", "자세히 풀어 쓴 새 말"),
    "follow_up": ("what is said next, in a new phrasing", "이어서 하는 말, 새 표현으로"),
    "follow_up_new_topic": ("… after a topic that it does not follow in training", "… 배운 적 없는 화제 뒤에서"),
    "unknown_by_hand": ("a question from outside its world: it says so", "배운 세계 밖의 질문: 모른다고 합니다"),
    "unknown_by_template": ("… made from templates", "… 틀로 만든 질문"),
    "statement_by_hand": ("a statement from outside its world: it listens", "배운 세계 밖의 이야기: 귀를 기울입니다"),
    "statement_by_template": ("… made from templates", "… 틀로 만든 말"),
    "advice_by_hand": ("a question for advice: it takes part and decides nothing", "조언을 구하는 말: 함께 고민합니다"),
    "advice_by_template": ("… made from templates", "… 틀로 만든 말"),
    "hard_negative": (
        "a message from outside that an earlier model took for something it knows",
        "예전 모델이 아는 말로 잘못 알아들은 세계 밖의 말",
    ),
    "near_later": ("later in a talk: a new phrasing whose words it knows", "대화 중간에: 아는 낱말로 된 새 표현"),
    "unknown_later": ("… a question from outside its world", "… 배운 세계 밖의 질문"),
    "statements_later": ("… a statement from outside its world", "… 배운 세계 밖의 이야기"),
    "advice_later": ("… a question for advice", "… 조언을 구하는 말"),
    "name_told": ("a name that it never saw, used at once", "본 적 없는 이름을 바로 부릅니다"),
    "name": ("… remembered after up to six exchanges", "… 대화가 여섯 번까지 오간 뒤에도 기억합니다"),
    "name_asked_anew": ("… asked for with a new phrasing", "… 새 표현으로 물었을 때"),
    "name_corrected": ("a name that was corrected", "바로잡은 이름"),
    "name_other": ("… a word, a nickname, a foreign name (하루, 제시카)", "… 낱말, 별명, 외국 이름(하루, 제시카)"),
    "name_odd": ("odd names (엘사, 뽀로로)", "특이한 이름(엘사, 뽀로로)"),
}
SIDES: dict[str, Text] = {
    "tinychat native fp32": (
        "tinychat (the default: compiled loops, two threads)",
        "tinychat (기본값: 컴파일한 코드, 스레드 둘)",
    ),
    "tinychat native int8": (
        "tinychat, `TINYCHAT_WEIGHTS=int8` (one thread)",
        "tinychat, `TINYCHAT_WEIGHTS=int8` (스레드 하나)",
    ),
    "tinychat native fp32, one thread": ("tinychat, `TINYCHAT_THREADS=1`", "tinychat, `TINYCHAT_THREADS=1`"),
    "tinychat numpy fp32": ("tinychat without a C compiler (numpy)", "C 컴파일러가 없을 때의 tinychat (numpy)"),
    "tinychat torch fp32": ("tinychat, `TINYCHAT_DECODER=torch`, fp32", "tinychat, `TINYCHAT_DECODER=torch`, fp32"),
    "tinychat torch bf16": (
        "tinychat, `TINYCHAT_PRECISION=bf16` (torch)",
        "tinychat, `TINYCHAT_PRECISION=bf16` (torch)",
    ),
    "transformers fp32": ("transformers, GPT-2 of the same size, fp32", "transformers, 같은 크기의 GPT-2, fp32"),
    "transformers bf16": ("… in bf16", "… bf16"),
    "CTranslate2 float32": ("CTranslate2, the same GPT-2, fp32", "CTranslate2, 같은 GPT-2, fp32"),
    "CTranslate2 int8": ("… in int8", "… int8"),
    "llama.cpp f32": ("llama.cpp, the same GPT-2, f32", "llama.cpp, 같은 GPT-2, f32"),
    "llama.cpp f32, one thread": ("… on one thread", "… 스레드 하나"),
    "llama.cpp q8_0": ("llama.cpp in q8_0", "llama.cpp, q8_0"),
    "llama.cpp q8_0, one thread": ("… on one thread", "… 스레드 하나"),
}
IN_README = (  # the others stand in docs/speed.md alone
    "tinychat native fp32",
    "tinychat native int8",
    "tinychat numpy fp32",
    "transformers fp32",
    "CTranslate2 float32",
    "CTranslate2 int8",
    "llama.cpp f32",
    "llama.cpp q8_0",
)
MASKED: dict[str, Text] = {
    "url": ("links", "링크"),
    "email": ("e-mail addresses", "이메일 주소"),
    "rrn": ("resident registration numbers", "주민등록번호"),
    "card": ("card numbers", "카드 번호"),
    "account": ("bank accounts", "계좌번호"),
    "phone": ("telephone numbers", "전화번호"),
    "id": ("ids of messengers", "메신저 아이디"),
    "address": ("addresses with a house number", "번지가 있는 주소"),
    "name": ("names of an export’s speakers", "내보낸 대화에서 말한 사람의 이름"),
}


def percent(share: float) -> str:
    """`88.4%`."""
    return f"{100 * share:.1f}%"


def quality(korean: int) -> Rows:
    """The accuracy of the committed run."""
    run = read_json(ROOT / EVALUATION)["measures"]
    head = (("asked, greedy", "right"), ("물은 것(greedy)", "맞음"))[korean]
    rows = [
        (text[korean], f"{percent(run[name]['accepted'])} / {run[name]['asked']}") for name, text in MEASURES.items()
    ]
    return [head, *rows]


def compared(korean: int) -> Rows:
    """The committed run's replies to held-out questions, next to the two copying baselines."""
    held_out = read_json(ROOT / EVALUATION)["held_out"]
    copies = held_out["baselines"]
    head = (
        ("held-out questions of the sample", "equal to a listed answer", "F1 of character pairs"),
        ("예제에서 떼어 둔 질문", "정답 목록에 있는 답", "글자쌍 F1"),
    )
    sides = (
        (("tinychat", "tinychat"), held_out["replies"]),
        (("the answer of the nearest question (TF-IDF)", "가장 비슷한 질문의 답(TF-IDF)"), copies["nearest_question"]),
        (("the answer of the nearest dialogue (TF-IDF)", "가장 비슷한 대화의 답(TF-IDF)"), copies["nearest_dialogue"]),
    )
    return [head[korean], *((text[korean], percent(side["exact"]), f"{side['char_f1']:.3f}") for text, side in sides)]


def songys(korean: int) -> Rows:
    """A model trained on songys alone, on training and on held-out dialogues."""
    report = read_json(ROOT / SONGYS)
    seen, held = report["seen"], report["held_out"]

    def line(text: Text, value: Callable[[dict[str, Any]], str], baseline: str = "") -> tuple[str, ...]:
        return text[korean], value(seen), value(held) + baseline

    frequencies, nearest = held["baselines"]["unigram"], held["baselines"]["nearest_question"]
    alone = ("token frequencies alone: ", "토큰 빈도만 알 때: ")[korean]
    copied = ("nearest question: ", "가장 비슷한 질문의 답: ")[korean]
    return [
        (("", "it was trained on them", "held out"), ("", "학습한 대화", "처음 보는 대화"))[korean],
        line(
            ("replies that equal a right answer", "정답과 똑같은 대답"),
            lambda r: f"{percent(r['replies']['exact'])} / {r['replies']['asked']}",
        ),
        line(
            ("perplexity of the answers", "대답의 퍼플렉서티"),
            lambda r: f"{r['perplexity']:.4g}",
            f" ({alone}{frequencies['perplexity']:.4g})",
        ),
        line(
            ("bits per UTF-8 byte", "UTF-8 바이트당 비트"),
            lambda r: f"{r['bits_per_byte']:.3f}",
            f" ({alone}{frequencies['bits_per_byte']:.3f})",
        ),
        line(
            ("overlap with the right answer (F1 of character pairs)", "정답과 겹치는 정도(글자쌍 F1)"),
            lambda r: f"{r['replies']['char_f1']:.3f}",
            f" ({copied}{nearest['char_f1']:.3f})",
        ),
        line(
            ("replies that are a training answer, word for word", "학습한 답을 그대로 옮긴 대답"),
            lambda r: percent(r["replies"]["copied"]),
        ),
        line(
            ("replies that end by themselves", "스스로 끝맺은 대답"), lambda r: percent(r["replies"]["ends_by_itself"])
        ),
    ]


def speed(korean: int, sides: Collection[str] = tuple(SIDES)) -> Rows:
    """Tokens per second, and the ratio to transformers in fp32 in the same rounds."""
    saved = read_json(ROOT / GENERATION)
    heads = (
        ("tokens/s (× transformers fp32)", "one, greedy", "one, sampled", "32, greedy", "32, sampled"),
        ("초당 토큰 (fp32 transformers의 몇 배)", "하나, greedy", "하나, 샘플링", "32개, greedy", "32개, 샘플링"),
    )
    rows: Rows = [heads[korean]]
    for side in sides:
        cells = []
        for task in ("1 greedy", "1 sampled", "32 greedy", "32 sampled"):
            found = saved["tasks"][task].get(side)
            ratio = f" ({found['ratio']:.2f})" if found and found["ratio"] is not None else ""
            cells.append(f"{found['tokens_per_second']:,.0f}{ratio}" if found else "–")
        rows.append((SIDES[side][korean], *cells))
    return rows


def data_sizes(korean: int) -> Rows:
    """Time and memory of the three data stages, by the size of the corpus."""
    heads = (
        ("GB", "dialogues", "ingest", "build_vocab", "prepare_data"),
        ("GB", "대화 수", "ingest", "build_vocab", "prepare_data"),
    )
    cell = (
        "{seconds:.0f} s, {cpu_seconds:.0f} s of CPU, {private_mb} MB ({peak_mb:,})",
        "{seconds:.0f}초, CPU {cpu_seconds:.0f}초, {private_mb} MB ({peak_mb:,})",
    )
    rows: Rows = [heads[korean]]
    for size, found in read_json(ROOT / DATA)["sizes"].items():
        stages = (cell[korean].format(**found[stage]) for stage in heads[0][2:])
        rows.append((size, f"{found['dialogues']:,}", *stages))
    return rows


def data_tokens(korean: int) -> Rows:
    """Tokens per second of prepare_data beside `datasets.map`, and per second of CPU time."""
    kinds: dict[str, Text] = {
        "words that repeat": ("words that repeat", "되풀이되는 낱말"),
        "words that do not": ("words that occur once", "한 번씩만 나오는 낱말"),
    }
    heads = (
        ("side, processes", *(f"{text[0]}, {unit}" for text in kinds.values() for unit in ("tokens/s", "per CPU s"))),
        (
            "프로그램, 프로세스 수",
            *(f"{text[1]}, {unit}" for text in kinds.values() for unit in ("초당 토큰", "CPU 1초당")),
        ),
    )
    found = [read_json(ROOT / DATA)["tokens"][kind] for kind in kinds]
    units = ("tokens_per_second", "tokens_per_cpu_second")
    rows: Rows = [heads[korean]]
    for side in found[0][units[0]]:
        rows.append((side, *(f"{one[unit][side]:,}" for one in found for unit in units)))
    ratios = (f"× {one['ratio'][unit]:.1f}" for one in found for unit in units)
    return [*rows, (("best to best", "가장 빠른 것끼리")[korean], *ratios)]


def data_songys(korean: int) -> Rows:
    """Seconds of the three data stages on songys, and where all figures of the data stages were measured."""
    saved = read_json(ROOT / DATA)
    heads = ("all three", "measured on"), ("셋 모두", "잰 컴퓨터")
    stages = ("ingest", "build_vocab", "prepare_data")
    seconds = (f"{saved['songys'][stage]:.1f} s" for stage in (*stages, "all"))
    return [(*stages, *heads[korean]), (*seconds, saved["machine"])]


def near_duplicates(korean: int) -> Rows:
    """Grouping the near-duplicates of many texts, beside datasketch: time, memory, and what is found."""
    saved = read_json(ROOT / NEAR_DUPLICATES)
    head = (
        ("", "time", "peak memory", "found of the pairs at 0.6", "at 0.7"),
        ("", "시간", "최대 메모리", "0.6 이상인 쌍 가운데 찾은 것", "0.7 이상"),
    )
    rows = [
        (
            side,
            f"{found['seconds']:.0f}" + (" s", "초")[korean],
            f"{found['mb']:,.0f} MB",
            *(f"{share:.2%}" for share in found["recall"].values()),
        )
        for side, found in saved["sides"].items()
    ]
    ratio = "× {seconds:.1f}", "÷ {mb:.1f}"
    compared = (
        ("tinychat to datasketch", "datasketch에 견준 tinychat")[korean],
        *(one.format(**saved["ratios"]) for one in ratio),
        "",
        "",
    )
    return [head[korean], *rows, compared]


def machine(korean: int) -> Rows:
    """Where and how the speeds were measured."""
    saved = read_json(ROOT / GENERATION)
    head = (("measured on", "rounds", "new tokens"), ("잰 컴퓨터", "반복", "새 토큰"))
    return [head[korean], (saved["machine"], str(saved["rounds"]), str(saved["new_tokens"]))]


def masking(korean: int) -> Rows:
    """How well personal data is found in the half of the labelled lists that no rule was tuned on."""
    kinds = read_json(ROOT / MASKING)["kinds"]
    head = (
        ("placeholder", "for", "found (recall)", "right (precision)"),
        ("표시", "무엇", "찾은 비율(재현율)", "맞은 비율(정밀도)"),
    )
    return [
        head[korean],
        *(
            (
                f"`<{kind}>`",
                MASKED[kind][korean],
                f"{percent(found['recall'])} of {found['passages']}"
                if not korean
                else f"{found['passages']}개의 {percent(found['recall'])}",
                percent(found["precision"]),
            )
            for kind, found in kinds.items()
        ),
    ]


def canaries(korean: int) -> Rows:
    """What came out of planted secrets, with masking and without."""
    saved = read_json(ROOT / CANARIES)
    replies = f"{saved['replies']:,}"
    head = (
        ("planted secret", "masking", "in how many of " + replies + " replies", "asked for it", "exposure, bits"),
        ("심은 비밀", "가리기", f"대답 {replies}개 가운데", "물었을 때", "노출도(비트)"),
    )
    names: dict[str, Text] = {
        "phone": ("telephone number", "전화번호"),
        "card": ("card", "카드"),
        "name": ("name", "이름"),
    }
    words: dict[bool, Text] = {True: ("on", "켬"), False: ("off", "끔")}
    said: dict[bool, Text] = {True: ("**comes out**", "**나온다**"), False: ("does not", "나오지 않는다")}
    return [
        head[korean],
        *(
            (
                f"{names[leak['kind']][korean]}, {leak['times']}" + ("×", "번")[korean],
                words[leak["masking"]][korean],
                str(leak["replies"]),
                said[leak["prefix"]][korean],
                f"{leak['exposure']:.1f}",
            )
            for leak in saved["leaks"]
        ),
    ]


def page_speed(korean: int) -> Rows:
    """Size, time to open, tokens per second and answers to a hand of the live page, beside what is aimed at."""
    return page_rows(read_json(ROOT / PAGE), korean)


TABLES: dict[str, Callable[[int], Rows]] = {
    "quality": quality,
    "compared": compared,
    "songys": songys,
    "speed": speed,
    "speed_in_short": partial(speed, sides=IN_README),
    "machine": machine,
    "masking": masking,
    "canaries": canaries,
    "data_sizes": data_sizes,
    "data_tokens": data_tokens,
    "data_songys": data_songys,
    "near_duplicates": near_duplicates,
    "page_speed": page_speed,
}


def pages(root: Path) -> list[Path]:
    """All pages that may have generated tables."""
    return [root / "README.md", root / "README.ko.md", *sorted((root / "docs").rglob("*.md"))]


def with_figures(page: Path, root: Path) -> str:
    """The page with its tables generated again. Raises KeyError for a table that is not known."""
    korean = page.name.endswith(".ko.md") or "ko" in page.relative_to(root).parts[:-1]

    def table(found: re.Match[str]) -> str:
        head, *rows = TABLES[found[2]](int(korean))
        lines = [head, ("---",) * len(head), *rows]
        return found[1] + "".join(f"| {' | '.join(line)} |\n" for line in lines) + found[3]

    return MARKED.sub(table, page.read_text(encoding="utf-8"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The tables of the documents, made of what was measured.")
    parser.add_argument("--check", action="store_true", help="say which pages differ, and write nothing")
    check, differ = parser.parse_args().check, False
    for page in pages(ROOT):
        before, after = page.read_text(encoding="utf-8"), with_figures(page, ROOT)
        if before == after:
            continue
        differ = True
        name = page.relative_to(ROOT).as_posix()
        if check:
            print("".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, "its source")))
        else:
            page.write_text(after, encoding="utf-8", newline="\n")
            print(f"{name}: tables generated")
    if check and differ:
        sys.exit("A page differs from its source: run `make docs-figures`")


if __name__ == "__main__":
    main()
