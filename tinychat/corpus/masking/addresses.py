"""Addresses of Korea that name a house: by road or by lot, behind a district, and the door of a flat.

Only what can hardly be anything else: a road needs its district or the number of a side street, since 바로 3분 looks
like a road. Not found: a road alone (테헤란로 152), places without a number, addresses in words.
"""

import re
from collections.abc import Iterator

from tinychat.corpus.masking.patterns import Place

PROVINCES = (
    "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"
    "|충청[남북]|전라[남북]|경상[남북]"
)
# Every city, county and district, without its last syllable.
CITIES = (
    "수원|성남|의정부|안양|부천|광명|평택|동두천|안산|고양|과천|구리|남양주|오산|시흥|군포|의왕|하남|용인|파주|이천|안성|김포|화성|광주"
    "|양주|포천|여주|춘천|원주|강릉|동해|태백|속초|삼척|청주|충주|제천|천안|공주|보령|아산|서산|논산|계룡|당진|전주|군산|익산|정읍|남원"
    "|김제|목포|여수|순천|나주|광양|포항|경주|김천|안동|구미|영주|영천|상주|문경|경산|창원|진주|통영|사천|김해|밀양|거제|양산|서귀포|제주"
    "|세종"
)
COUNTIES = (
    "연천|가평|양평|홍천|횡성|영월|평창|정선|철원|화천|양구|인제|고성|양양|보은|옥천|영동|증평|진천|괴산|음성|단양|금산|부여|서천|청양|홍성"
    "|예산|태안|완주|진안|무주|장수|임실|순창|고창|부안|담양|곡성|구례|고흥|보성|화순|장흥|강진|해남|영암|무안|함평|영광|장성|완도|진도|신안"
    "|의성|청송|영양|영덕|청도|고령|성주|칠곡|예천|봉화|울진|울릉|의령|함안|창녕|남해|하동|산청|함양|거창|합천|기장|달성|군위|강화|옹진|울주"
)
DISTRICTS = (
    "종로|용산|성동|광진|동대문|중랑|성북|강북|도봉|노원|은평|서대문|마포|양천|강서|구로|금천|영등포|동작|관악|서초|강남|송파|강동|영도"
    "|부산진|동래|해운대|사하|금정|연제|수영|사상|수성|달서|미추홀|연수|남동|부평|계양|광산|유성|대덕|장안|권선|팔달|영통|수정|중원|분당"
    "|만안|동안|상록|단원|덕양|일산동|일산서|처인|기흥|수지|원미|소사|오정|상당|서원|흥덕|청원|동남|서북|완산|덕진|의창|성산|마산합포"
    "|마산회원|진해"
)
LETTER = "[0-9A-Za-z가-힣]"
_NAMED = rf"(?:{CITIES})시|(?:{COUNTIES})군|(?:{DISTRICTS})구"
_PROVINCE = rf"(?:{PROVINCES})(?:특별자치|특별|광역)?[도시]?"
# 중구 is a district of every large city: only behind it. So is a city without its last syllable (경기 성남).
_WITHIN = rf"{_NAMED}|[중동서남북]구|(?:{CITIES})|[가-힣]{{1,5}}[읍면]"
REGION = rf"(?<!{LETTER})(?:{_PROVINCE}|{_NAMED})(?:\s(?:{_WITHIN})(?!{LETTER})){{0,3}}"
HOUSE = r"\d{1,4}(?:-\d{1,4})?"
# Behind a number: what is counted or measured is no house.
NO_COUNT = (
    r"(?![0-9:%]|[-./]\d|\s?(?:시간|[시분초년월일살명개원번회차주위등점쪽권병잔장건달배도층조억만천백대]|호선|번째|퍼센트|킬로|미터"
    r"|km|kg|m\b))"
)
NO_ROAD = "(?!(?:바|앞으|뒤|옆으|위|아래|서|따|별|새|멋대|맘대|제|그|이|저|주|실제|진짜|대체|정말|스스|가|세|으)로\\s)"
ROAD = rf"{NO_ROAD}[가-힣0-9]{{1,12}}(?<!으)(?:로|길)"
SIDE_ROAD = r"\d{1,4}(?:번|가|나|다|라|마|바)?길"
DOOR = r"(?:제?\d{1,4}동\s?)?(?:지하\s?)?(?:\d{1,2}층\s?)?(?:제?B?\d{1,4}호)?"
BUILDING = "[가-힣A-Za-z0-9]{2,12}(?:아파트|빌라|오피스텔|빌딩|타워)"
DETAILS = rf"(?:,?\s?(?:\([가-힣0-9., ]{{2,20}}\)\s?)?(?:{BUILDING}\s?)?{DOOR})"
FLAT = r"(?:제?\d{1,4}동\s?)(?:\d{1,2}층\s?)?제?\d{2,4}호(?!선)"

FORMS = (
    # 서울시 강남구 테헤란로 152, 분당구 판교역로166번길 10-3
    rf"{REGION}\s{ROAD}\s?(?:{SIDE_ROAD}\s?)?{HOUSE}(?!번길){NO_COUNT}{DETAILS}",
    # 판교역로 166번길 10, 강남대로84길 23
    rf"(?<!{LETTER}){ROAD}\s?\d{{1,4}}번?길\s{HOUSE}(?!번길){NO_COUNT}{DETAILS}",
    # 강남구 역삼동 737-1
    rf"{REGION}\s[가-힣0-9]{{1,8}}[동리가]\s(?:산\s?)?{HOUSE}(?:번지)?{NO_COUNT}{DETAILS}",
    # 역삼동 737번지
    rf"(?<!{LETTER})[가-힣0-9]{{1,8}}[동리가]\s(?:산\s?)?{HOUSE}번지(?:\s?\d{{1,3}}호)?",
    # 행복아파트 101동 1203호, 101동 1203호
    rf"(?:(?<!{LETTER})(?:{BUILDING}|[가-힣A-Za-z0-9]{{2,12}}(?:맨션|주공|자이|푸르지오|래미안))\s)?(?<![0-9]){FLAT}(?![0-9])",
)
ADDRESS = re.compile("|".join(FORMS))


def find_addresses(plain: str) -> Iterator[Place]:
    """Addresses with the number of a house or of a flat."""
    for found in ADDRESS.finditer(plain):
        yield found.start(), found.start() + len(found[0].rstrip(" ,"))
