"""What is said to a person in danger, in place of a model's reply."""

from tinychat.safety.danger import recognises_danger

HELP = (
    "말해 줘서 고마워요. 저는 작은 프로그램이라 큰 힘이 못 되지만, 혼자 견디지 않으셨으면 해요.\n"
    "지금 들어 줄 사람이 있어요. 자살예방 상담전화 109(24시간, 문자도 돼요), 카카오톡과 앱 '마들랜', "
    "정신건강 위기상담 1577-0199, 청소년 상담 1388.\n"
    "당장 위험하다면 바로 112나 119에 전화해 주세요."
)
HELP_IN_ENGLISH = (
    "Please talk to someone now: in Korea 109 (24 hours, in Korean), in an emergency 112 or 119; "
    "elsewhere https://findahelpline.com lists a line near you."
)


def help_in_danger(text: str, before: str = "") -> str | None:
    """The help lines where a message speaks of self-harm, else None: then the model answers.

    `before` is the same person's message before it: both are also read as one.

    The numbers: 109 took the place of 1393 on 1 January 2024, day and night (Ministry of Health and Welfare,
    2 January 2024, https://eiec.kdi.re.kr/policy/materialView.do?num=246730; still so on 13 February 2026,
    https://www.news1.kr/amp/bio/welfare-medical/6073121). 마들랜, a chat with counsellors by app, KakaoTalk or a text
    message to 109, day and night since 10 September 2024 (https://m.segye.com/ampView/20240910518155).
    1577-0199, day and night (https://kgnewskorea.com/news/view.php?bIdx=44062). 1388 for the young, day and night
    (13 February 2026, https://m.pressian.com/pages/articles/2026021309555507088).
    """
    if not recognises_danger(text, before):
        return None
    speaks_korean = any("가" <= character <= "힣" or "ㄱ" <= character <= "ㅣ" for character in text)
    return HELP if speaks_korean else f"{HELP}\n{HELP_IN_ENGLISH}"
