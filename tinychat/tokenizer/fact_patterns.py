"""How somebody tells in Korean what they like, do or eat (떡볶이 좋아해, 내 취미는 등산이야), and asks for it."""

from tinychat.tokenizer.called_names import LETTER

IF_KNOWN = "?"  # a favourite, if it is of a kind in OF_KIND
IF_FOOD = "?음식"  # what somebody does not eat, if it is a food
FAVOURITE, HOBBY, LEARNT, EATEN, DISLIKED, NAME_OF = "", "취미", "배우는 것", "먹은 것", "못 먹는 것", "이름: "

# The subjects that a fact or a question can have: nobody else's are told (엄마는 김치찌개 좋아해).
I_AM = "(?:나는|난|나|저는|전|저|내가|제가|나도|저도|나 사실|저 사실)"
MY = f"(?:내|제|나의|저의|나한테|저한테|나에게|저에게|{I_AM})"
# Words that say how much or since when, and nothing of what it is.
HOW = (
    "(?:(?:제일|젤|넘|짱|가장|정말|진짜|너무|너무너무|무척|아주|아주아주|참|되게|엄청|완전|특히|세상에서|그렇게|좀|꽤|많이|더|꼭"
    "|원래는?|요즘은?|요새는?|항상|늘|매우|역시|무조건|그냥|사실은?|평소에|어릴 때부터|예전부터|옛날부터|바로|드디어"
    "|얼마 전부터|최근에|이번 달부터|올해부터|올해는|퇴근하고|주말마다|날마다|매일|같이|열심히|절대|아예|지금도|아직도"
    "|아직)"
    "(?: +|(?=[좋즐]))){0,4}"
)
GAP = rf"(?: {HOW}| ?)"  # between a word and what is said of it
# The beginning of a clause.
CLAUSE = r"(?:^|(?<=[.,!?~…ㅋㅎㅠㅜ^]) ?|(?<=[가-힣]데 )|(?<=지만 )|(?<=거든 )|(?<=[가-힣]요 )|(?<=[고서] ))"
BOT = "(?:[가-힣]{1,3}[아야],? )?"  # who is called first: 티니야
FILLER = (
    "(?:근데|그런데|그리고|참고로|있잖아|아|음|오|어|기억해 ?줘|그거 알아|친구랑|쉬는 날이면|시간 나면|시간이 날 때)"
)
WHEN = rf"(?:{LETTER}+(?:때|면|부터|마다|나서|에서|에는|엔) )??"
BEGINS = rf"{CLAUSE}{BOT}(?:{FILLER}[,.!?]* )?{WHEN}{HOW}"
SAYS_I = rf"(?:{BEGINS}|(?<= )){I_AM} {HOW}"
MAY_SAY_I = rf"(?:{SAYS_I}|{BEGINS})"
SAYS_MY = rf"(?:(?:{BEGINS}|(?<= )){MY} |{BEGINS}){HOW}"
# One or two words, the first without a particle or an ending that describes the second (비 오는 날, 엄마가 해 준 밥).
FIRST = (
    rf"(?:(?!{LETTER}*(?:[은는을를이가에도로지운던한된의만면때]|[에해면어아나]서|부터|까지|마다|[었았했겼졌갔왔봤]어"
    rf"|[하먹타보놀자쓰치읽듣]고) ){LETTER}+ )?"
)
DESCRIBED = rf"(?:{LETTER}+보다는? )?{HOW}(?:{LETTER}+(?:[운한던]|있는|없는) )?"  # 순한 것보다 매운 떡볶이
WORD = rf"{DESCRIBED}(?P<word>{FIRST}{LETTER}+?)"
ONE_WORD = rf"(?P<word>{LETTER}+?)"
KIND = rf"(?P<kind>{LETTER}{{1,3}} [거것]|{LETTER}+?)"
OF_A_KIND = rf"(?: ?(?P<kind>(?![은는이가](?: |$)){LETTER}+?))?"
# Kinds of what one likes, where it stands as somebody does who likes it (동물은 여우 좋아해, 엄마는 여우 좋아해).
KNOWN_KIND = (
    "(?P<kind>음식|과일|채소|과자|간식|디저트|음료|음료수|커피|차|술|안주|빵|라면|피자|치킨|아이스크림|떡|동물|색|색깔|계절|꽃"
    "|노래|음악|가수|배우|아이돌|밴드|영화|드라마|예능|책|소설|만화|웹툰|게임|운동|스포츠|과목|나라|날씨|향|요일|숫자|장르)"
)
OBJECT = "(?P<object>[을를도])?"
SUBJECT = "(?P<subject>[이가])"
NO_LETTER = f"(?!{LETTER})"
NO_QUESTION = r"(?! *\?)"
AMONG = rf"{KIND} ?중에(?:서|선|서는|는)? {HOW}"
NAMELY = "(?:뭐냐면|뭐냐하면|알려 ?줄게요?|말해 ?줄게요?|하나 있는데)?[.,!~:]* ?"
IS = (
    "(?:(?P<i>이)?(?:야|얌|에요|예요|여요|에용|예용|라고|라고요|라고 해|라고 해요|거든|거든요|라서|랍니다|구요|고요"
    rf"|(?<=이)(?:지|죠|고|란다|다|요))|입니다|인데|인데요|(?<!게)임|ㅇㅇ){NO_LETTER}{NO_QUESTION}"
)
CLAUSE_ENDS = rf"{NO_LETTER}(?= *(?:[.!,~ㅋㅎㅠ^]|$))"
IS_OR_ENDS = rf"(?:{IS}|{CLAUSE_ENDS})"
LIKES = (
    "(?:개?[좋조]아(?:해|해요|해용|합니다|함|한다|하는데|하는데요|하거든|하거든요|하지(?! ?[않못마])|하지요|하죠|해서"
    f"|하고|하고요|하니까|하게 됐어|했어|했어요|했거든|했고){NO_LETTER}"
    "|[좋조]아하는 ?(?:편|거(?! ?아니)|것(?! ?[이은]? ?아니)|(?:사람|[가-힣]*생|직장인)(?:이야|이에요|입니다|임))"
    "|사랑해|사랑합니다|즐겨 ?먹어"
    f"|먹어도 (?:좋|안 ?질)|없(?:으면|이는?) 못 ?살|덕후|매니아|마니아){NO_QUESTION}"
)
IS_GOOD = (
    "(?:[좋조]아(?:요|용)?(?![하한함해했합])|좋더라|좋습니다|좋거든|좋은데|좋던데|좋고|좋다(?!고)|맛있|귀여|귀엽|예뻐|예쁘"
    "|예쁩)"
)
IS_BEST = rf"(?:(?:제일|젤|넘|가장) {IS_GOOD}|최고|짱)"
LEARNS = (
    "(?:배워|배우고|배우는|배우기|배우러|배우려|배운|배웁니다|배우거든|배울|연습(?:하|해| 중)|공부(?:하|해| 중))"
    rf"(?!{LETTER}* *\?|고 싶|려면)"
)
# When, where and with whom somebody ate.
AT_TIMES = (
    rf"(?:(?:{LETTER}+(?:에|에서|로|랑|하고)|{LETTER}* ?앞에서"
    "|(?:오늘|어제|지금|방금|아까|아침|점심|저녁)(?:은|엔|에는)?|혼자|난생처음|굶다가) ){0,4}"
)
COOKED = "(?:(?:시켜|해|사|받아|구워|끓여|만들어) ?)?"
ATE = (
    rf"(?:(?:[한두세네] ?(?:[가-힣]|그릇)|하나) )?{COOKED}"
    rf"(?:먹었(?![나냐니을대댔]|다[더고며])|한 ?그릇 했|먹고 (?:왔|나왔|나온|오)|먹음|먹어 ?[버봤])(?!{LETTER}* *\?)"
)
DOES_NOT_EAT = (
    "(?:도저히 )?(?:못 ?먹|안 ?먹|못 ?마[시셔]|안 ?마[시셔]|먹기 ?싫|싫어[하해한]|안 ?좋아[하해한]|알레르기|알러지)"
)
DISLIKES = "(?:싫어|안 ?좋아|별로)"
IS_HOBBY = "취미(?:가 됐|야|에요|예요|입|거든|라|다|임|인|지|죠|네)"
DOES = "(?:해|합|하(?!기)|붑|불어|탑|봅|읽|씁|즐|배우|배워|시작|다니|다녀|쳐|치|그려|그리|만들|찍)"
DOES_REGULARLY = rf"(?:해요?{NO_LETTER}|하러 다|다녀요?{NO_LETTER}|다닙|쳐요?{NO_LETTER})"
OURS = "(?:우리|저희|내|제|울)(?: ?집)? "
PET = (
    "(?P<kind>반려견|반려묘|강아지|고양이|냥이|멍멍이|댕댕이|개|토끼|햄스터|앵무새|거북이|도마뱀|고슴도치|물고기|금붕어"
    "|강쥐|딸|아들|아기|아이|애|동생)"
)
CALLS = "(?P<i>이)?라고 (?:해|불러|부르|합니다)"
NAMED = "(?P<i>이)?(?:라고|로) (?:지|해|불)"

# What tells one, with its topic; None where the group `kind` has it.
TELLS: list[tuple[str | None, str]] = [
    (None, rf"{MAY_SAY_I}{AMONG}{WORD}{OBJECT}{GAP}{LIKES}"),  # 나는 음식 중에 떡볶이를 제일 좋아해
    (None, rf"{MAY_SAY_I}{AMONG}{WORD}{SUBJECT} {HOW}{IS_GOOD}"),  # 음식 중에서 떡볶이가 제일 좋아
    # 내가 좋아하는 음식은 떡볶이야
    (None, rf"{SAYS_MY}(?:좋아하는|맛있는|아끼는) {KIND}[은는이가]?,? {HOW}{NAMELY}{HOW}{WORD}{IS_OR_ENDS}"),
    (None, rf"{SAYS_MY}최애{OF_A_KIND}[은는이가]? {NAMELY}{HOW}{WORD}{IS_OR_ENDS}"),  # 내 최애 음식은 떡볶이야
    (None, rf"{SAYS_MY}인생 ?{KNOWN_KIND}[은는이가]? {NAMELY}{HOW}{WORD}{IS_OR_ENDS}"),  # 내 인생 영화는 기생충이야
    (
        None,
        rf"{BEGINS}{KNOWN_KIND}[은는] (?:역시 )?{WORD}{SUBJECT} {HOW}(?:{IS_GOOD}|{IS_BEST})",
    ),  # 음식은 역시 떡볶이가 최고야
    (None, rf"{MAY_SAY_I}{KNOWN_KIND}[은는] {HOW}{WORD}{OBJECT}{GAP}{LIKES}"),  # 음식은 떡볶이를 좋아해
    (None, rf"{BEGINS}{KNOWN_KIND}[은는] (?:역시 |무조건 ){WORD}{IS_OR_ENDS}"),  # 과일은 역시 복숭아지
    (None, rf"{BEGINS}{KIND} 하면 (?:{I_AM} )?{HOW}{WORD}{IS_OR_ENDS}"),  # 음식 하면 나는 떡볶이야
    (LEARNT, rf"{MAY_SAY_I}{WORD}{OBJECT}{GAP}{LEARNS}"),  # 요즘 기타를 배우고 있어
    (LEARNT, rf"{MAY_SAY_I}{WORD} ?학원[에을]? {HOW}(?:다녀|다니|등록|끊었)"),  # 기타 학원 등록했어
    # 내 취미는 기타 치는 거야, 기타 치는 게 취미야
    (
        HOBBY,
        rf"{SAYS_MY}취미[는은가] {HOW}{WORD}{OBJECT}(?: |(?<=[을를]))(?P<doing>{LETTER}+는) ?"
        "거(?:야|예요|에요|입|라|임|지|죠)",
    ),
    (
        HOBBY,
        rf"{MAY_SAY_I}(?:{LETTER}+에서 )?{WORD}{OBJECT} (?P<doing>{LETTER}+는) ?(?:게|것이|거) {HOW}(?:[내제] )?"
        rf"{IS_HOBBY}",
    ),
    # 내 취미는 등산이야
    (
        HOBBY,
        rf"{SAYS_MY}(?:유일한 |새 |새로 생긴 )?(?:취미|낙)(?:[는은가이?]|라면)?,? {HOW}{NAMELY}{HOW}{WORD}{IS_OR_ENDS}",
    ),
    (
        HOBBY,
        rf"{SAYS_I}(?:즐겨 ?하는|즐기는) ?[건것거게][은는이]? {HOW}{WORD}{IS_OR_ENDS}",
    ),  # 내가 즐겨 하는 건 등산이야
    (HOBBY, rf"취미(?:생활)?로 {HOW}{WORD}{OBJECT}{GAP}{DOES}"),  # 취미로 등산을 해
    # 등산이 내 취미야
    (
        HOBBY,
        rf"{MAY_SAY_I}{WORD}(?:{SUBJECT}| ?하는 ?게| ?하는 ?것이| ?하는 ?거) {HOW}(?:(?:내|제|나의|저의) )?{IS_HOBBY}",
    ),
    (HOBBY, rf"{MAY_SAY_I}{WORD}{OBJECT} 취미로 (?:하|해|즐)"),  # 등산을 취미로 해
    (HOBBY, rf"{MAY_SAY_I}{WORD}에 {HOW}(?:푹 |확 )?(?:빠졌|빠져|빠진|꽂혔|꽂혀)"),  # 요즘 등산에 빠졌어
    (HOBBY, rf"{SAYS_I}{WORD}{OBJECT}{GAP}즐(?:겨(?! ?먹)|기|깁)"),  # 나는 등산을 즐겨
    (HOBBY, rf"(?:얼마 전부터|최근에|요즘|요새) {HOW}{WORD}{OBJECT}{GAP}시작했"),  # 얼마 전부터 등산을 시작했어요
    (HOBBY, rf"(?:주말|매주|쉬는 날)(?:마다|에|에는|엔)? {HOW}{WORD}{OBJECT} ?{DOES_REGULARLY}"),  # 주말마다 등산해
    (EATEN, rf"{MAY_SAY_I}{AT_TIMES}{ONE_WORD}{OBJECT}{GAP}{ATE}"),  # 점심에 떡볶이 먹었어
    # 급식에 떡볶이 나왔어, 엄마가 떡볶이 해 줬어
    (
        EATEN,
        rf"(?:급식|점심|저녁|아침|엄마|아빠|할머니)(?:이|가|에|으로|에는)? {ONE_WORD}{OBJECT} ?"
        "(?:해 ?줬|해 ?주|나왔|차려)",
    ),
    (
        DISLIKED,
        rf"{MAY_SAY_I}{ONE_WORD}(?:[을를은는만] ?| )(?:냄새[도만가] )?{HOW}{DOES_NOT_EAT}",
    ),  # 나는 오이를 못 먹어
    (IF_FOOD, rf"{MAY_SAY_I}{ONE_WORD}(?:[을를은는이가만] ?| )(?:냄새[도만가] )?{HOW}{DISLIKES}"),  # 나는 가지가 싫어
    (DISLIKED, rf"(?<=데 ){ONE_WORD}만 {DOES_NOT_EAT}"),  # 다 잘 먹는데 오이만 못 먹어요
    # 내가 싫어하는 음식은 오이야
    (DISLIKED, rf"{SAYS_MY}(?:싫어하는|못 ?먹는|안 ?먹는) {KIND}[은는이가]? {HOW}{WORD}{IS_OR_ENDS}"),
    # 나는 그림 그리는 거 좋아해
    (FAVOURITE, rf"{SAYS_I}{WORD}{OBJECT}(?: |(?<=[을를]))(?P<doing>{LETTER}+는) ?(?:거|것을?|걸) {HOW}{LIKES}"),
    (FAVOURITE, rf"{SAYS_I}{WORD}{OBJECT}[은는]?{GAP}{LIKES}"),  # 나는 떡볶이 좋아해
    (FAVOURITE, rf"{BEGINS}{ONE_WORD}{OBJECT}{GAP}{LIKES}"),  # 떡볶이 좋아해
    (FAVOURITE, rf"{SAYS_I}{WORD}{SUBJECT} {HOW}{IS_GOOD}"),  # 난 떡볶이가 제일 좋아
    (FAVOURITE, rf"{BEGINS}{WORD}{SUBJECT} (?:세상에서 )?{IS_BEST}"),  # 떡볶이가 제일 좋아
    (FAVOURITE, rf"{SAYS_I}{WORD}파(?:야|예요|에요|임|거든|라서)?{NO_LETTER}{NO_QUESTION}"),  # 난 콩국수파야
    (
        IF_KNOWN,
        rf"{BEGINS}{ONE_WORD}{SUBJECT}?{GAP}(?:[좋조]아(?:요|용)?|좋더라(?:고요)?){NO_LETTER}{NO_QUESTION}",
    ),  # 라면 너무 좋아
    (NAME_OF, rf"{OURS}{PET}[의이가]? 이름[은이]? {HOW}{ONE_WORD}{IS_OR_ENDS}"),  # 우리 강아지 이름은 콩이야
    (NAME_OF, rf"{OURS}{PET}[은는] {ONE_WORD}{CALLS}"),  # 우리 강아지는 콩이라고 해
    (NAME_OF, rf"{OURS}{PET} {ONE_WORD} 자랑"),
    # 강아지 키우는데 콩이야, 강아지 키워. 이름은 콩이야
    (NAME_OF, rf"{PET}[을를]? (?:한 마리 )?키(?:워|우(?:는데|고 있는데|거든))요?,? (?:이름[은이] )?{ONE_WORD}{IS}"),
    (NAME_OF, rf"{PET}[을를]? (?:한 마리 )?키[워우][^.!?\n]{{0,8}}[.!,]? ?이름[은이] {ONE_WORD}{IS_OR_ENDS}"),
    (NAME_OF, rf"{BEGINS}{PET} 이름[은이]? {ONE_WORD}{IS_OR_ENDS}"),
    (
        NAME_OF,
        rf"{PET}[을를이가] [^?!\n]{{1,16}}이름[을은이]? {ONE_WORD}{NAMED}",
    ),  # 강아지를 데려왔는데 이름을 콩이라고 지었어
    (NAME_OF, rf"{PET} 이름[을은이]? {HOW}{ONE_WORD}{NAMED}"),
]

WHAT = "(?:뭐|뭘|뭔|머|멀|무엇|무얼|누구|누굴)"
WHICH = "(?:무슨|어떤|어느) ?"
SAID = r"(?=[^\n]*(?:[했랬]|더라|댔|기억|말))"
ASKED = rf"[^\n]*(?:{WHAT}|무슨|어떤|어느|기억|아세|알아|알지|알죠|아니|맞혀|맞춰|말해|잊|까먹|\?)"
I_SAID = rf"(?<!{LETTER}){I_AM} ?(?:아까 |전에 |방금 )?"
MY_SAID = rf"(?<!{LETTER}){MY} ?(?:아까 |전에 |방금 )?"
LIKED = "(?:[좋조]아(?:하는|한다던|한다는|한다고 한|한다고 했던|한다고 말한|했던)|좋다는|좋다고 한|좋다던|맛있는)"
DISLIKED_ONE = "(?:못 ?먹는|싫어하는|안 ?먹는|못 ?마시는|싫어한다고 한|못 ?먹는다고 한|먹기 ?싫다고 한|먹기 ?싫은)"
A_KIND = rf"{KIND}(?:[은는이가을]?|은요|는요){NO_LETTER}"
# What asks for one, with its topic as in TELLS.
ASKS: list[tuple[str | None, str]] = [
    (FAVOURITE, rf"{I_SAID}(?:{LETTER}+보다 )?{HOW}{WHAT}[이가] {HOW}좋다{SAID}"),  # 내가 뭐가 좋다고 했지?
    (
        FAVOURITE,
        rf"{I_SAID}{HOW}{WHAT}[을를가]? ?{HOW}(?:먹는 [걸거] )?[좋조]아(?=[한하했할함])",
    ),  # 내가 뭐 좋아한다고 했지?
    (None, rf"(?:^|{I_SAID}){WHICH}{KIND}[을를이가]? ?{HOW}좋다{SAID}"),  # 내가 무슨 색이 좋다고 했지?
    (None, rf"{I_SAID}{HOW}{WHICH}{KIND}[을를이가]? ?{HOW}[좋조]아"),  # 내가 무슨 음식 좋아하게?
    (None, rf"{MY_SAID}(?:{LETTER}+에 )?{HOW}{LIKED} ?{A_KIND}{ASKED}"),  # 내가 좋아하는 음식 기억해?
    (None, rf"^(?:근데 |혹시 )?{HOW}{LIKED} {A_KIND}{SAID}{ASKED}"),  # 좋아하는 음식이 뭐라고 했지?
    (None, rf"{MY_SAID}{HOW}최애{OF_A_KIND}[은는이가]?{NO_LETTER}{ASKED}"),  # 내 최애 음식이 뭐게?
    (None, rf"말한 내 최애{OF_A_KIND}[은는이가]?{NO_LETTER}{ASKED}"),
    (None, rf"{MY_SAID}{HOW}인생 ?{KNOWN_KIND}[은는이가]?{NO_LETTER}{ASKED}"),
    # 내 취미가 뭐게?
    (HOBBY, rf"{MY_SAID}{HOW}(?:말한 |얘기한 |유일한 |새 )?취미(?:로|는|가|를|도)?{NO_LETTER}{ASKED}"),
    (HOBBY, rf"{I_SAID}(?:무슨|어떤) 취미"),
    (HOBBY, r"^(?:근데 )?취미[^\n]*(?:뭐였|뭐랬|뭐라고 했|뭐라 했)"),
    (HOBBY, rf"{I_SAID}{HOW}{WHAT}[을를]? ?시작"),  # 내가 뭐 시작했다고 했지?
    (
        LEARNT,
        rf"{I_SAID}(?:{LETTER}+에서 )?{HOW}(?:{WHAT}|무슨 {LETTER}+)[을를]? ?{HOW}"
        "(?:배[우운워]|공부(?:한다|하는지|하고 있|했))",
    ),  # 내가 뭐 배운다고 했지?
    # 내가 배우는 게 뭐라고 했지?
    (
        LEARNT,
        rf"{I_SAID}{HOW}배(?:우는|우고 있는|우기 시작한|운다고 한|운다던|운다는) ?"
        rf"(?:[게거것건]|{LETTER}+[이가은는]? ?{WHAT})",
    ),
    (EATEN, rf"{I_AM} [^?\n]*(?:점심|저녁|아침) 메뉴"),
    (EATEN, rf"{I_AM} [^?\n]*{WHAT}[을를]? ?{COOKED}먹었"),  # 내가 뭐 먹었다고 했지?
    (
        EATEN,
        rf"{I_SAID}(?:오늘 |점심에 |저녁에 |아침에 |어제 )*먹(?:은|었다고 한|었다던) (?:거|게|것|음식|메뉴){ASKED}",
    ),
    (
        DISLIKED,
        rf"{I_SAID}{HOW}(?:{WHAT}|{WHICH}{LETTER}+) ?(?:{DOES_NOT_EAT}|{DISLIKES})",
    ),  # 내가 뭐 못 먹는다고 했지?
    (DISLIKED, rf"{I_SAID}{HOW}{DISLIKED_ONE} ?{LETTER}+{ASKED}"),  # 내가 못 먹는 음식 기억나?
    (
        NAME_OF,
        rf"(?:우리|저희|내|제|울|새|내가|제가|내가 키우는|제가 키우는)(?: ?집)? {PET} 이름",
    ),  # 우리 강아지 이름 기억나?
    (NAME_OF, rf"^{PET} 이름[^\n]*(?:뭐였|뭐라고 했|뭐랬|기억)"),
]
# Where the user says no more what they told before: 아니, 떡볶이 말고; of a word: 이제 커피 끊었어.
CORRECTS = (
    rf"{CLAUSE}아니(?:야|요|다|,|\.)? [^\n]*(?:라고|야|예요|에요|이요|입니다)|말고|아니라|아니고|바꿀래|바뀜|잘못 ?말"
    r"|오타|뻥이|농담이|거짓말이(?:야|고|에요)|그건 (?:어제|옛날)|생각해 ?보니[^\n]*(?:보다|더 )"
)
CORRECTS_IT = rf"{CLAUSE}아[니뇨]|생각해 ?보니|바[뀌꿨]|이제"  # where the message tells another one
NO_LONGER = "안 ?좋아|안 ?먹|못 ?먹|싫|별로|끊|질렸|질려|그만|관뒀|관두|이제 안|알레르기|좋아하지 ?[않못]"

# Questions for advice, which ask for nothing that was told: 내 취미로 돈을 벌 수 있을까?
ASKS_ADVICE = (
    "(?<![아니])(?<!뭘)(?<!무엇일)(?<!뭐일)(?<!했을)(?<!였을)(?<!볼)까(?:요|$|[?.! ])|어떡|어떻게|추천|지어 ?[줘봐]"
    "|어때|면 (?:좋|되|돼|될)|바꾸|말고|싶[은어다지]"
)

# Names of the same kind, and what names none.
SAME_KIND = {
    **dict.fromkeys(("색깔", "컬러", "빛깔"), "색"),
    **dict.fromkeys(("요리", "메뉴", "먹는 거", "먹는 것"), "음식"),
    **dict.fromkeys(("거", "것", "게", "건", "걸"), ""),
    **dict.fromkeys(("멍멍이", "댕댕이", "강쥐"), "강아지"),
    "냥이": "고양이",
}
# How a word ends that is of a kind, where nobody said of which.
OF_KIND = {
    "음식": (
        "(?:국|탕|찌개|전골|면|국수|밥|빵|떡|볶음|볶이|찜|구이|전|튀김|회|김치|치킨|피자|초밥|스시|버거|파스타|스파게티|카레|만두"
        "|족발|보쌈|곱창|막창|순대|갈비|고기|삼겹살|수육|스테이크|샐러드|샌드위치|토스트|라멘|우동|짜장|짬뽕|탕수육|돈가스|돈까스"
        "|샤브샤브|마라샹궈|제비|카츠|죽|쌈|잡채|닭발|닭강정|어묵|오뎅|타코|부리토|케이크|쿠키|마카롱|초콜릿|아이스크림|빙수|젤리"
        "|과자|말이|두부|묵|무침|조림|수프|스튜|리조또|장어|새우|게장|낙지|오징어|연어|참치|치즈|사과|귤|수박|딸기|복숭아|망고|바나나|참외)$"
    ),
    "동물": (
        "(?:강아지|개|고양이|토끼|햄스터|호랑이|사자|곰|판다|여우|늑대|사슴|기린|코끼리|원숭이|펭귄|고래|상어|거북이|고슴도치"
        "|다람쥐|수달|해달|물개|물범|바다표범|악어|뱀|도마뱀|앵무새|새|부엉이|올빼미|독수리|까치|오리|병아리|닭|말|소|양|염소|돼지"
        "|알파카|라마|카피바라|너구리|라쿤|코알라|캥거루|쿼카|하마|코뿔소|치타|표범|나무늘보|해파리|문어|나비|개구리|두더지|쥐|낙타"
        "|미어캣|친칠라|페럿)$"
    ),
    "색": ("(?:색|빨강|파랑|노랑|초록|하양|검정|보라|분홍|핑크|주황|블랙|화이트|블루|레드|그린|민트|베이지|네이비)$"),
    "꽃": "(?:꽃|장미|튤립|국화|수국|백합|라벤더|작약|프리지아|카네이션|제라늄|동백|목련|수선화|해바라기|코스모스)$",
    "운동": (
        "(?:축구|야구|농구|배구|탁구|당구|수영|테니스|배드민턴|골프|볼링|달리기|러닝|마라톤|등산|클라이밍|요가|필라테스|복싱|태권도"
        "|유도|검도|스키|서핑|자전거|헬스|풋살)$"
    ),
    "계절": "^(?:봄|여름|가을|겨울|초여름|늦가을|초가을|초겨울|늦여름)$",
}
CLOSED = frozenset({"색", "계절"})  # of these kinds is nothing but what OF_KIND knows
FOODS = frozenset(
    (
        "음식",
        "과일",
        "간식",
        "디저트",
        "야식",
        "안주",
        "빵",
        "과자",
        "피자",
        "치킨",
        "라면",
        "아이스크림",
        "떡",
        "면",
        "국",
    )
)
PEOPLE_KINDS = frozenset(
    ("사람", "가수", "배우", "아이돌", "연예인", "선수", "작가", "유튜버", "밴드", "캐릭터", "노래", "음악")
)
_NO_FACT = """
나 난 너 저 전 네 니 내 제 널 날 당신 그대 여기 거기 이거 그거 저거 이것 그것 저것 이게 그게 저게 이런 그런 저런 이
그 걔 얘 쟤 우리 누구 누가 뭐 뭘 뭔 뭐가 무엇 무슨 어떤 아무 아무거나 다 모두 전부 그냥 진짜 정말 너무 넘 매우 무척
엄청 아주 되게 완전 꽤 좀 제일 젤 가장 더 많이 별로 안 못 둘 셋 하나 역시 특히 사람 거 것 게 걸 건 때 곳 데 쪽 편 점
수 줄 서로 혼자 같이 자주 매일 가끔 조금 약간 잘 비밀 글쎄 몰라 없어 없음 있어 이름 생각 느낌 기분 날씨 줄게 줄게요
냄새도 받아 시켜 나와서 두번 오늘 내일 어제 아까 아직 이제 지금 요즘 요새 뭐든 뭐든지 먹는 먹을 뭐라 그렇게 이렇게
밥 점심 저녁 아침 간식 야식 나는 저는 내가 제가 음식 동물 색 색깔 계절 취미 최애 것들 동네 약 나이 겁 욕 마음 더위
애 교회 알바 출근 청소 빨래 일 회사 학교 학원 상황 방법 우울 절망 사랑 고민 위기 결혼 이사 데이트 출장 당직 감기약
진통제 인생
"""
# What nobody is said to like, learn or eat: somebody, something that was said before, how much, when.
NO_FACT = frozenset(_NO_FACT.split())
COLOR = ("색", "색깔")
NOT_THE_USER = frozenset({"너", "넌", "니", "네", "당신", "그대", "걔", "얘", "쟤", "우리", "그"})
NO_BEGINNING = "뭐|뭘|뭔|머|무슨|어떤|무엇|누구|어디|기억|맞[혀춰]|말해|말하|말씀|알[아려]|아세|아시|비밀|아직|그냥"
IS_DESCRIBED = "[운은는한인던][거것걸게]$"  # 매운거, 사진찍는걸
IS_VERB = "(?:[가-힣]요|[었았겠했겼졌였있없같]어|[었았겠했겼졌였있없같]다|[하한]다)$"  # 취미가 생겼어
PARTICLES = "은는을를가도에만"
# Words that end as if they had a particle.
WITH_PARTICLE = (
    "(?:볶이|고양이|호랑이|원숭이|거북이|부엉이|달팽이|놀이|걸이|잡이|꽂이|강냉이|옹심이|멍멍이|댕댕이|냥이|어린이|팽이|둥이|오이"
    "|하이|종이|아이|란말이|걀말이|김말이|구이|사이|차이|타이|파이|라이|소박이|탕탕이|꽁이|생이|요가|작가|음악가|휴가|포도|태권도"
    "|합기도|다도|서도|검도|유도|파도|제주도|독도|(?<!아)지도|가을|마을|노을|서울|카페|밀면|참게|마늘)$"
)
AND = "(?:랑|하고|[와과]) "  # between two that were told at once
# What may stand behind a word in a reply that says it: 춤사 does not say 춤.
BEHIND = (
    rf"(?:{NO_LETTER}|(?:이?(?:라|야|에요|예요|지|죠|었|였|랑|요|거든|네)|[을를이가은는도만의과와하에]|으?로|님|좋|씨)"
    "(?![을를]))"
)
# How a reply that begins with the word may go on: with what fits its last syllable …
FIT_CONSONANT = (
    "이에요",
    "이라고",
    "이라며",
    "이야",
    "이잖",
    "이죠",
    "이지",
    "이었",
    "이요",
    "이네",
    "을",
    "입니다",
    "임",
)
FIT_VOWEL = ("예요", "라고", "라며", "야", "잖", "죠", "지", "였", "요", "네", "를", "입니다", "임")
# … and then, or behind a space, with what answers; of some topics with more.
LIKED_BY_YOU = ("좋아한", "좋아해", "좋아하신", "좋아하셨")
ANSWERS = (*(f"{how}{liked}" for how in ("", "제일 ", "가장 ") for liked in LIKED_BY_YOU), "말씀", "기억")
ALSO_FIT = {DISLIKED: ("은", "는")}
ALSO_ANSWERS = {
    HOBBY: ("한다", "하신", "하는", "즐"),
    LEARNT: ("배",),
    EATEN: ("드", "먹"),
    DISLIKED: ("못", "안", "싫"),
}
BEHIND_WORD = rf"(?P<ending>{LETTER}*)(?P<next> {LETTER}*(?: {LETTER}*)?)?(?P<stop>[,~?])?"
