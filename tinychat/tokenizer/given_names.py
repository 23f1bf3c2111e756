"""Korean given names, by their syllables: which words may be somebody's name."""

LONG_FAMILY_NAMES = ("남궁", "황보", "제갈", "선우", "독고")
FAMILY_NAMES = (
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허남심노유하주구민지차곽성우나엄진채원변현방공"
    "천함표마도기위추여길석금소설라봉은염탁왕국용육명선어맹"
)
# Of given names of two syllables.
FIRST_SYLLABLES = (
    "가강건경광교국권귀규근금기길나남다단달담대덕도돈동두라란래려로루리마만말매맹명목묘무문미민방백범변병"
    "보복봉분빈산삼상새샘서석선설섭성세소송수숙순승시신쌍아애양언여연열엽영예오옥완외요용우운울웅원월유윤"
    "율은을음의이익인일임자장재전점정제조존종주준중지진차찬참창채천철청초최추축춘충치탁탄태택판팔평필하학"
    "한함항해행향허헌혁현협형혜호홍화환황회효후훈휘흠흥희"
)
SECOND_SYLLABLES = (
    "건걸결경곤관광교구국권규균근기길나남담대덕돈동득라란람래련렬령록롬룡루륜률리린림립마만명모목무묵미민"
    "반배백범별병보복봉빈상서석선섭성세솔송수숙순슬승식신실심아안애양언연열엽영예오옥온완용우욱운웅원월유"
    "육윤율은을음의이익인일임자장재전점정조종주준중지진찬창채천철총춘출충치탁태택표필하학한함해행향헌혁현"
    "협형혜호홍화환황효후훈휘흠흥희"
)
# Those of one syllable, and words that are given as names.
_WHOLE = """
가람 가온 가을 갑수 강 건 겨울 결 겸 고운 구슬 길동 끝순 나라 나래 나리 나비 난영 난희 노을 누리 늘봄 늘솔 다빈 다솜
다온 다정 단 단비 단우 달 달래 도담 도란 두리 라라 루다 리나 린 마루 말례 모아 미르 미소 민 바다 바람 버들 별 별하
보라 보람 보름 보미 봄 봄비 빈 빛 빛나 사라 사랑 산 산들 새론 새롬 새벽 새봄 샛별 설 소담 소라 소망 솔 솔비 솔잎 솜
순례 슬 슬기 슬아 슬옹 승리 시내 아라 아람 아롱 아름 안나 엄지 여름 여울 연 예솔 예슬 온 온누리 온새 온유 웅 유나 윤
율 으뜸 은 은비 은솔 이든 이레 이룸 이슬 잔디 장미 점례 제니 조은 준 진 차미 찬 찬솔 철 초롱 초아 초원 칠성 큰별 푸름
하나 하늘 하늬 하니 하람 하랑 하루 한결 한별 한비 한솔 한울 해솔 햇살 혁 현 혜성 훈 힘찬
"""
WHOLE_NAMES = frozenset(_WHOLE.split())


def may_be_given_name(word: str) -> bool:
    """Whether a word looks like a Korean given name, with or without a family name (서연, 김서연, 하늘, not 라떼)."""
    families = ("", *LONG_FAMILY_NAMES, *FAMILY_NAMES)
    return any(word.startswith(family) and _is_given_name(word[len(family) :]) for family in families)


def _is_given_name(word: str) -> bool:
    return word in WHOLE_NAMES or (len(word) == 2 and word[0] in FIRST_SYLLABLES and word[1] in SECOND_SYLLABLES)
