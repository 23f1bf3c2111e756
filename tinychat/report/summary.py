"""The summary as numbers: the article's three (section 12) under their own names, then all others."""

from typing import Any

from tinychat.report.inputs import Reports

N_LAYERS, FINAL_LOSS, N_GENERATED = "레이어 수", "최종 손실", "생성된 토큰 수"


def summarize(reports: Reports) -> dict[str, Any]:
    """The content of summary.json. What could not be measured is None, as where nothing was held out."""
    metrics, training, replies = reports.metrics, reports.training, reports.replies
    return {
        N_LAYERS: training["model"]["n_layers"],
        FINAL_LOSS: metrics["train"]["final_train_loss"],
        N_GENERATED: sum(reply.n_tokens for reply in replies),
        "corpus": metrics["corpus"],
        "vocabulary": metrics["vocab"],
        "prepared": metrics["prepare"],
        "model": {**training["model"], "parameters": metrics["train"]["parameters"]},
        "training": {**metrics["train"], "params": training["train"]},
        "evaluation": metrics["evaluate"],
        "replies": {
            "count": len(replies),
            "ended_by_themselves": sum(reply.finish_reason == "stop" for reply in replies),
        },
        "runtime": {**training["runtime"], "torch": training["torch"]},
    }
