"""`make article`: the article from top to bottom, through the ten stages in order, without DVC."""

import argparse
from pathlib import Path

from stages import (
    analyze_layers,
    build_page,
    build_vocab,
    evaluate,
    export_csv,
    generate,
    ingest,
    prepare_data,
    summarize,
    train,
)
from tinychat.files import read_json, read_json_lines
from tinychat.language.exit import run_and_exit
from tinychat.printing import say

HERE = Path(__file__).parent
TITLE = "나만의 대화 생성형 모델 처음부터 만들기: 레이어 설계와 구현"
# The article's sections, and the stages that do what they describe.
STAGES = (
    ("5. 테스트 데이터 준비하기", (ingest, build_vocab, prepare_data)),
    ("6. 모델 학습하기", (train,)),
    ("7. 대화 생성하기", (evaluate, generate)),
    ("8–10. 레이어 구조 분석하기", (analyze_layers,)),
    ("11. 결과 저장하기", (export_csv,)),
    ("12. 결과 요약 보고서 작성하기", (summarize, build_page)),
)


def run(root: Path = HERE) -> None:
    """Run every stage with `root` as the project's folder, and print what the article prints."""
    say(f"# {TITLE}")
    for title, stages in STAGES:
        say(f"\n## {title}")
        for stage in stages:
            stage.run(root)
        if generate in stages:
            _print_sequence(root)
        if analyze_layers in stages:
            _print_layers(root)
        if export_csv in stages:
            say(f"생성 결과가 '{_shown(root / export_csv.TABLE)}'에 저장되었습니다.")
    summary = read_json(root / "reports/summary.json")
    say("모델 생성 요약:", {key: summary[key] for key in ("레이어 수", "최종 손실", "생성된 토큰 수")})
    say(f"보고서: {_shown(root / 'reports/summary.html')}")
    say(f"모델과 이야기하고 레이어를 들여다보는 페이지: {_shown(root / build_page.PAGE)}")


def _print_sequence(root: Path) -> None:
    for reply in read_json_lines(root / generate.REPLIES, "generate", lambda reply, _: reply):
        say("생성된 시퀀스:", [*reply["prompt_ids"], *reply["token_ids"]])
        say("단어로:", " ".join(reply["tokens"]))


def _print_layers(root: Path) -> None:
    for layer in read_json(root / analyze_layers.LAYERS / "layers.json")["layers"]:
        if layer["name"].startswith("decoder_layers.") and not layer["name"].startswith("decoder_layers.0."):
            continue  # built like the first
        say(f"{layer['name']:<28} {layer['shape']:<20} {layer['role']['ko']}")
        if layer["name"] == "decoder_layers.0.norm2":
            say("(decoder_layers.1부터 끝까지도 구성이 같다)")


def _shown(path: Path) -> str:
    """The path relative to the current folder, if possible."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(_shown(HERE)), help="folder with params.yaml and data/raw")
    arguments = parser.parse_args()
    run_and_exit(lambda: run(arguments.root))


if __name__ == "__main__":
    main()
