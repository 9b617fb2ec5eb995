"""National keyboard layouts as plain tables: which letter stands on which key.

A layout is four rows from the number row down, each a string whose characters are the keys from left to right: the key
left of 1, then 1 2 3 ...; Q W E ...; A S D ...; the key left of Z, then Z X C .... A space stands for a key without a
letter; marks (Thai and Indic vowel signs) and digits are no letters here. SHIFTED holds what the same keys give with
Shift, for scripts without capitals.

These are the standard layouts that operating systems ship under the languages' names.
"""

from collections.abc import Mapping

LAYOUTS: Mapping[str, tuple[str, str, str, str]] = {
    # Latin
    "qwerty": ("", "qwertyuiop", "asdfghjkl", " zxcvbnm"),
    "azerty": ("  é    è çà", "azertyuiop", "qsdfghjklmù", " wxcvbn"),
    "qwertz": ("           ß", "qwertzuiopü", "asdfghjklöä", " yxcvbnm"),
    "turkish": ("", "qwertyuıopğü", "asdfghjklşi", " zxcvbnmöç"),
    "azerbaijani": ("", "qüertyuiopöğ", "asdfghjklıə", " zxcvbnmçş"),
    "spanish": ("", "qwertyuiop", "asdfghjklñ ç", " zxcvbnm"),
    "portuguese": ("", "qwertyuiop", "asdfghjklç", " zxcvbnm"),
    "italian": ("            ì", "qwertyuiopè", "asdfghjklòàù", " zxcvbnm"),
    "swedish": ("", "qwertyuiopå", "asdfghjklöä", " zxcvbnm"),
    "danish": ("", "qwertyuiopå", "asdfghjklæø", " zxcvbnm"),
    "norwegian": ("", "qwertyuiopå", "asdfghjkløæ", " zxcvbnm"),
    "icelandic": ("           ö", "qwertyuiopð", "asdfghjklæ", " zxcvbnm  þ"),
    "estonian": ("", "qwertyuiopüõ", "asdfghjklöä", " zxcvbnm"),
    "lithuanian": (" ąčęėįšųū   ž", "qwertyuiop", "asdfghjkl", " zxcvbnm"),
    "hungarian": ("          öüó", "qwertzuiopőú", "asdfghjkléáű", "íyxcvbnm"),
    "czech": ("  ěščřžýáíé", "qwertzuiopú", "asdfghjklů", " yxcvbnm"),
    "slovak": ("  ľščťžýáíé", "qwertzuiopúä", "asdfghjklô ň", " yxcvbnm"),
    "croatian": ("", "qwertzuiopšđ", "asdfghjklčćž", " yxcvbnm"),
    "albanian": ("", "qwertzuiopç", "asdfghjklë", " yxcvbnm"),
    "romanian": ("", "qwertyuiopăî", "asdfghjklșțâ", " zxcvbnm"),
    "maltese": ("ċ", "qwertyuiopġħ", "asdfghjkl", "żzxcvbnm"),
    # Greek, Cyrillic, Armenian, Georgian
    "greek": ("", " ςερτυθιοπ", "ασδφγηξκλ", " ζχψωβνμ"),
    "russian": ("ё", "йцукенгшщзхъ", "фывапролджэ", " ячсмитьбю"),
    "ukrainian": ("", "йцукенгшщзхїґ", "фівапролджє", " ячсмитьбю"),
    "belarusian": ("ё", "йцукенгшўзх", "фывапролджэ", " ячсмітьбю"),
    "bulgarian": ("", " уеишщксдзц", "ьяаожгтнвмч", " юйъэфхпрлб"),
    "serbian": ("", "љњертзуиопшђ", "асдфгхјклчћж", "  џцвбнм"),
    "macedonian": ("", "љњертѕуиопшѓ", "асдфгхјклчќж", " зџцвбнм"),
    "kazakh": ("  әіңғ  үұқөһ", "йцукенгшщзхъ", "фывапролджэ", " ячсмитьбю"),
    "mongolian": ("           ещ", "фцужэнгшүзкъ", "йыбөахролдп", " ячёсмитьвю"),
    "armenian": ("  ձյ      օռժ", "խւէրտեըիոպչջ", "ասդֆգհճկլթփ", " զցքվբնմշղծ"),
    "georgian": ("", "ქწერტყუიოპ", "ასდფგჰჯკლ", " ზხცვბნმ"),
    # Hebrew and Arabic script
    "hebrew": ("", "  קראטוןםפ", "שדגכעיחלךף", " זסבהנמצתץ"),
    "arabic": ("ذ", "ضصثقفغعهخحجد", "شسيبلاتنمكط", " ئءؤر ىةوزظ"),
    "persian": ("", "ضصثقفغعهخحجچ", "شسیبلاتنمکگ", " ظطزرذدپو"),
    "urdu": ("", "قوعرتےءیہپ", "اسدفگحجکل", " زشچطبنم"),
    # InScript (vowel signs left, consonants right), Kedmanee
    "inscript": ("", "     बहगदजड", "     परकतचट", "   मनवलस  य"),
    "thai": (" ๅ  ภถ  คตจขช", " ไ พะ  รนยบล", "ฟหกดเ  าสวง", " ผปแอ  ทมใฝ"),
    # Hangul: consonants left, vowels right (dubeolsik, KS X 5002)
    "dubeolsik": ("", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", " ㅋㅌㅊㅍㅠㅜㅡ"),
}

SHIFTED: Mapping[str, tuple[str, str, str, str]] = {
    "georgian": ("", " ჭ ღთ", " შ    ჟ", " ძ ჩ"),
    "urdu": ("", "   ڑٹ", " صڈ غھضخ", " ذژثظ ں"),
    "inscript": ("            ऋ", "औऐआईऊभङघधझढञऑ", "ओएअइउफ खथछठ", "   ण  ळशष"),
    "thai": ("", "  ฎฑธ  ณ ญฐ ฅ", "ฤฆฏโฌ  ษศซ", "   ฉฮ   ฒฬฦ"),
    "dubeolsik": ("", "ㅃㅉㄸㄲㅆ   ㅒㅖ", "", ""),
}

# The scripts of India have one layout: the letters of Devanagari, each at its place in the script's own block.
INSCRIPT_BLOCKS: Mapping[str, int] = {
    "BENGALI": 0x0980, "GURMUKHI": 0x0A00, "GUJARATI": 0x0A80, "ORIYA": 0x0B00, "TAMIL": 0x0B80, "TELUGU": 0x0C00,
    "KANNADA": 0x0C80, "MALAYALAM": 0x0D00,
}  # fmt: skip

BY_SCRIPT: Mapping[str, str] = {
    "LATIN": "qwerty", "GREEK": "greek", "CYRILLIC": "russian", "ARMENIAN": "armenian", "GEORGIAN": "georgian",
    "HEBREW": "hebrew", "ARABIC": "arabic", "DEVANAGARI": "inscript", "THAI": "thai", "HANGUL": "dubeolsik",
    **dict.fromkeys(INSCRIPT_BLOCKS, "inscript"),
}  # fmt: skip
"""Script, as the names of Unicode's characters begin, -> the layout of languages without one of their own."""

BY_LANGUAGE: Mapping[str, tuple[str, ...]] = {
    "als": ("albanian",), "azj": ("azerbaijani",), "bel": ("belarusian",), "bos": ("croatian",), "bre": ("azerty",),
    "bul": ("bulgarian",), "cat": ("spanish",), "ces": ("czech",), "dan": ("danish",), "deu": ("qwertz",),
    "est": ("estonian",), "eus": ("spanish",), "fin": ("swedish",), "fra": ("azerty",), "fur": ("italian",),
    "glg": ("spanish",), "hrv": ("croatian",), "hun": ("hungarian",), "isl": ("icelandic",), "ita": ("italian",),
    "kaz": ("kazakh",), "khk": ("mongolian",), "lij": ("italian",), "lit": ("lithuanian",), "lmo": ("italian",),
    "mkd": ("macedonian",), "mlt": ("maltese",), "nno": ("norwegian",), "nob": ("norwegian",), "oci": ("azerty",),
    "pes": ("persian",), "pnb": ("urdu",), "por": ("portuguese",), "prs": ("persian",), "ron": ("romanian",),
    "scn": ("italian",), "slk": ("slovak",), "slv": ("croatian",), "spa": ("spanish",), "srd": ("italian",),
    "srp": ("serbian", "croatian"), "swe": ("swedish",), "tur": ("turkish",), "ukr": ("ukrainian",), "urd": ("urdu",),
    "vec": ("italian",),
}  # fmt: skip
"""ISO 639-3 code -> the language's own layouts."""
