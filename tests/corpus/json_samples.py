"""Files of JSON in the formats of public corpora and of assistants' exports, each with the dialogues in it.

The texts are invented; keys, their order and what surrounds them are those of real files.
"""

from typing import Any

Texts = list[list[str]]


def sns(number: int, *said: tuple[str, str]) -> dict[str, Any]:
    """A dialogue of AI Hub 한국어 SNS."""
    body = [
        {
            "utteranceID": f"U{place}",
            "turnID": f"T{place}",
            "participantID": speaker,
            "date": "2026-02-09",
            "time": "18:35:00",
            "utterance": text,
        }
        for place, (speaker, text) in enumerate(said, 1)
    ]
    info = {"dialogueID": f"{number}", "numberOfParticipants": len({name for name, _ in said}), "topic": "개인및관계"}
    participants = [{"participantID": name, "gender": "여성", "age": "20대"} for name in dict.fromkeys(dict(said))]
    return {"header": {"dialogueInfo": info, "participantsInfo": participants}, "body": body}


def nikl(number: int, *said: tuple[str, str], corpus: str = "MDRW2100000001") -> dict[str, Any]:
    """A document of a corpus of the National Institute of Korean Language: of messengers, or of speech (SDRW…)."""
    name = f"{corpus}.{number}"
    utterances = [
        {
            "id": f"{name}.{place}",
            "form": text,
            "original_form": text,
            "speaker_id": speaker,
            "time": "20210101 11:30",
        }
        for place, (speaker, text) in enumerate(said, 1)
    ]
    speakers = [{"id": one, "age": "20대", "sex": "여성"} for one in dict.fromkeys(dict(said))]
    return {"id": name, "metadata": {"title": "2인 일상 대화", "speaker": speakers}, "utterance": utterances}


def node(name: str, parent: str | None, message: dict[str, Any] | None, *children: str) -> tuple[str, Any]:
    """A node of a conversation of ChatGPT."""
    return name, {"id": name, "message": message, "parent": parent, "children": list(children)}


def message(role: str, *parts: Any, **others: Any) -> dict[str, Any]:
    """A message of ChatGPT."""
    return {
        "id": "aaa",
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1770629707.0,
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        **others,
    }


CHATGPT = [
    {
        "title": "인사",
        "create_time": 1770629707.0,
        "update_time": 1770629999.0,
        "mapping": dict(
            [
                node("root", None, None, "system"),
                node("system", "root", message("system", "", weight=0.0), "old", "new"),
                node("old", "system", message("user", "안뇽"), "old answer"),
                node("old answer", "old", message("assistant", "오타인가요?")),
                node("new", "system", message("user", "안녕"), "first", "again"),
                node("first", "new", message("assistant", "네.")),
                node("again", "new", message("assistant", "안녕하세요!", "반가워요."), "search"),
                node("search", "again", message("user", "날씨 어때?"), "call"),
                node("call", "search", message("assistant", "weather()", recipient="browser"), "found"),
                node("found", "call", message("tool", "맑음"), "told"),
                node("told", "found", message("assistant", "맑아요.")),
            ]
        ),
        "moderation_results": [],
        "current_node": "told",
        "conversation_id": "conversation-1",
        "id": "conversation-1",
    }
]
CLAUDE = [
    {
        "uuid": "1",
        "name": "인사",
        "created_at": "2026-02-09T18:35:07.000000Z",
        "updated_at": "2026-02-09T18:36:07.000000Z",
        "account": {"uuid": "2"},
        "chat_messages": [
            {
                "uuid": "3",
                "text": "안녕",
                "content": [{"type": "text", "text": "안녕", "citations": []}],
                "sender": "human",
                "created_at": "2026-02-09T18:35:07.000000Z",
                "attachments": [{"file_name": "a.txt", "extracted_content": "긴 글"}],
                "files": [],
            },
            {
                "uuid": "4",
                "text": "안녕하세요!",
                "content": [
                    {"type": "thinking", "thinking": "인사를 하자"},
                    {"type": "text", "text": "안녕하세요!"},
                    {"type": "tool_use", "name": "search", "input": {}},
                    {"type": "text", "text": "무엇을 도와드릴까요?"},
                ],
                "sender": "assistant",
                "created_at": "2026-02-09T18:35:09.000000Z",
                "attachments": [],
                "files": [],
            },
        ],
    },
    {"uuid": "5", "name": "", "chat_messages": []},
]
EMOTIONAL = [
    {
        "profile": {"persona-id": "Pro_05349", "persona": {"human": ["A02"]}, "emotion": {"type": "E18"}},
        "talk": {
            "id": {"profile-id": "Pro_05349", "talk-id": "Pro_05349_00053"},
            "content": {
                "HS01": "일은 왜 해도 해도 끝이 없을까?",
                "SS01": "많이 힘드시겠어요.",
                "HS02": "화가 나.",
                "SS02": "잠시 쉬어 보세요.",
                "HS03": "",
                "SS03": "",
            },
        },
    }
]
KLUE = [
    {
        "guid": "wos-v1_train_00001",
        "domains": ["관광"],
        "dialogue": [
            {"role": "user", "text": "쇼핑을 하고 싶은데요.", "state": ["관광-종류-쇼핑"]},
            {"role": "sys", "text": "네, 어느 지역이 좋으세요?"},
            {"role": "user", "text": "서울이요.", "state": ["관광-종류-쇼핑", "관광-지역-서울"]},
            {"role": "sys", "text": "찾아볼게요."},
        ],
    }
]
TOPIC = {
    "numberOfItems": 1,
    "info": [
        {
            "filename": "KAKAO_898_15.txt",
            "id": 1,
            "annotations": {
                "speaker_type": "2인",
                "text": "1 : 뭐 해?\n2 : 공부",
                "lines": [
                    {"id": 1, "text": "1 : 뭐 해?", "norm_text": "뭐 해?", "speaker": {"id": "1번", "sex": "여성"}},
                    {"id": 2, "text": "2 : 공부", "norm_text": "공부", "speaker": {"id": "2번", "sex": "남성"}},
                ],
            },
        }
    ],
}
MULTISESSION = {
    "FileInfo": {"filename": "K4-00001.json"},
    "multisessionInfo": {"multisessionID": "K4-00001"},
    "personaInfo": {"clInfo": {"personaFeatures": []}},
    "sessionInfo": [
        {
            "sessionID": "1",
            "dialog": [
                {"speaker": "speaker1", "utterance": "산책 갈까?"},
                {"speaker": "speaker2", "utterance": "좋아, 가자"},
            ],
        },
        {
            "sessionID": "2",
            "dialog": [
                {"speaker": "speaker2", "utterance": "어제 좋았지?"},
                {"speaker": "speaker1", "utterance": "응, 또 가자"},
            ],
        },
    ],
}
SUMMARY = {
    "numberOfItems": 1,
    "data": [
        {
            "header": {"dialogueInfo": {"dialogueID": "1", "numberOfParticipants": 2}, "participantsInfo": []},
            "body": {
                "dialogue": [
                    {"utteranceID": "U1", "turnID": "T1", "participantID": "P01", "utterance": "점심 먹었어?"},
                    {"utteranceID": "U2", "turnID": "T2", "participantID": "P02", "utterance": "국수 먹었어"},
                ],
                "summary": "두 사람이 점심 이야기를 한다.",
            },
        }
    ],
}
SNS = {
    "numberOfItems": 2,
    "data": [
        sns(1, ("P01", "#@이름# 뭐 해?"), ("P01", "#@이모티콘#"), ("P02", "집에 있어#@시스템#사진#"), ("P02", "너는?")),
        sns(2, ("P02", "내일 봐"), ("P01", "그래")),
    ],
}
NIKL = {
    "id": "MDRW2100000001",
    "metadata": {"title": "국립국어원 메신저 말뭉치", "creator": "국립국어원", "category": "메신저 대화"},
    "document": [
        nikl(1, ("1", "&name1& 언니 뭐 해?"), ("2", "청소 {laughing}"), ("2", ""), ("1", "도와줄까?"), ("2", "응")),
        nikl(2, ("1", "자?"), ("2", "아니")),
    ],
}
RM = [
    {
        "prompt": "번디는 자신이 가진 능력을 언제 알았나요?",
        "completion_0": "몰라요.",
        "completion_1": "어릴 때 알았어요.",
        "completion_2": "글쎄요.",
        "ranking": [2, 0, 1],
    }
]
SFT = [{"prompt": "불고기용 고기 한우에요?", "completion": "'저는 알 수 없어요.", "tokens": 193}]
ALPACA = [
    {"instruction": "세 가지 색은?", "input": "", "output": "빨강, 파랑, 노랑"},
    {
        "instruction": "번역해 줘.",
        "input": "Hello",
        "output": "안녕",
        "system": "너는 통역사야.",
        "history": [["준비됐어?", "네."]],
    },
]
SHAREGPT = [
    {
        "id": "1",
        "conversations": [
            {"from": "system", "value": "친절하게"},
            {"from": "human", "value": "안녕"},
            {"from": "gpt", "value": "반가워요"},
        ],
    }
]
CONVERSATIONAL = [
    {
        "prompt": [{"role": "system", "content": "짧게"}, {"role": "user", "content": "안녕"}],
        "completion": [{"role": "assistant", "content": "응"}],
    }
]
PREFERENCES = [
    {"prompt": "안녕", "chosen": "반가워요", "rejected": "흥"},
    {
        "chosen": [{"role": "user", "content": "뭐 해?"}, {"role": "assistant", "content": "쉬어요"}],
        "rejected": [{"role": "user", "content": "뭐 해?"}, {"role": "assistant", "content": "몰라"}],
    },
]
CHITCHAT = {
    "0a1b": {
        "prompt": "What is the best present?",
        "ratings": {"witty": "1"},
        "start": "2018-04-13T12:58:40Z",
        "messages": [
            [{"text": "hi", "timestamp": "2018-04-13T12:58:41Z", "sender": "u1"}],
            [
                {"text": "hello", "timestamp": "2018-04-13T12:58:42Z", "sender": "u2"},
                {"text": "how are you?", "timestamp": "2018-04-13T12:58:43Z", "sender": "u2"},
            ],
        ],
    },
    "2c3d": {"messages": [[{"text": "hey", "sender": "u3"}], [{"text": "yo", "sender": "u1"}]]},
}
# By the name of its reader and a name: the data, and the dialogues in it.
DOCUMENTS: dict[str, tuple[Any, Texts]] = {
    "sharegpt/from": (SHAREGPT, [["안녕", "반가워요"]]),
    "sharegpt/role": (
        [{"conversation": [{"role": "user", "content": "안녕"}, {"role": "assistant", "content": "응"}]}],
        [["안녕", "응"]],
    ),
    "alpaca/history": (
        ALPACA,
        [["세 가지 색은?", "빨강, 파랑, 노랑"], ["준비됐어?", "네.", "번역해 줘.\nHello", "안녕"]],
    ),
    "prompt_completion/sft": (SFT, [["불고기용 고기 한우에요?", "저는 알 수 없어요."]]),
    "prompt_completion/rm": (RM, [["번디는 자신이 가진 능력을 언제 알았나요?", "어릴 때 알았어요."]]),
    "prompt_completion/messages": (CONVERSATIONAL, [["안녕", "응"]]),
    "preference/both": (PREFERENCES, [["안녕", "반가워요"], ["뭐 해?", "쉬어요"]]),
    "qa_json/question": ([{"question": "안녕", "answer": "응"}], [["안녕", "응"]]),
    "qa_json/letters": ([{"Q": "안녕", "A": "응", "label": 0}], [["안녕", "응"]]),
    "qa_json/korean": ({"version": 1, "data": [{"질문": "안녕", "답변": "응"}]}, [["안녕", "응"]]),
    "qa_json/input": ([{"input": "안녕", "output": "응"}], [["안녕", "응"]]),
    "qa_json/text": ([{"text": "안녕", "response": "응"}], [["안녕", "응"]]),
    "dialogue_list/dialog": (
        [{"dialog": ["안녕", "응", "뭐 해?", "쉬어"], "act": [1, 1, 2, 1]}, {"dialog": ["자?", "아니"]}],
        [["안녕", "응", "뭐 해?", "쉬어"], ["자?", "아니"]],
    ),
    "dialogue_list/utterances": ([{"utterances": ["안녕", "응"]}], [["안녕", "응"]]),
    "chitchat/dataset": (CHITCHAT, [["hi", "hello\nhow are you?"], ["hey", "yo"]]),
    "klue_dst/wos": (
        KLUE,
        [["쇼핑을 하고 싶은데요.", "네, 어느 지역이 좋으세요?", "서울이요.", "찾아볼게요."]],
    ),
    "chatgpt_export/branches": (CHATGPT, [["안녕", "안녕하세요!\n반가워요.", "날씨 어때?", "맑아요."]]),
    "claude_export/blocks": (CLAUDE, [["안녕", "안녕하세요!\n무엇을 도와드릴까요?"]]),
    "claude_export/nested": ({"conversations": CLAUDE}, [["안녕", "안녕하세요!\n무엇을 도와드릴까요?"]]),
    "aihub/sns": (SNS, [["<name> 뭐 해?", "집에 있어\n너는?"], ["내일 봐", "그래"]]),
    "aihub/summary": (SUMMARY, [["점심 먹었어?", "국수 먹었어"]]),
    "aihub/topic": (TOPIC, [["뭐 해?", "공부"]]),
    "aihub/multisession": (MULTISESSION, [["산책 갈까?", "좋아, 가자"], ["어제 좋았지?", "응, 또 가자"]]),
    "aihub_emotional/talk": (
        EMOTIONAL,
        [["일은 왜 해도 해도 끝이 없을까?", "많이 힘드시겠어요.", "화가 나.", "잠시 쉬어 보세요."]],
    ),
    "nikl/messenger": (NIKL, [["<name> 언니 뭐 해?", "청소", "도와줄까?", "응"], ["자?", "아니"]]),
}
