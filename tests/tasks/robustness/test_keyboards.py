"""Keyboard neighbours: alphabets are complete, neighbourhood is mutual, and keys that everybody knows are right."""

import pytest

from xl_tasks import TaskError
from xl_tasks.robustness.keyboards import lower, neighbour_keys, script_name, upper
from xl_tasks.robustness.layouts import BY_LANGUAGE, BY_SCRIPT, INSCRIPT_BLOCKS, LAYOUTS, SHIFTED

LATIN = "abcdefghijklmnopqrstuvwxyz"
# The letters of each language's alphabet that have a key of their own.
ALPHABETS = {
    "eng": LATIN, "fra": LATIN + "éèçàù", "deu": LATIN + "äöüß", "tur": "abcçdefgğhıijklmnoöprsştuüvyz",
    "azj": "abcçdeəfgğhxıijkqlmnoöprsştuüvyz", "spa": LATIN + "ñ", "ita": LATIN + "àèìòù", "swe": LATIN + "åäö",
    "dan": LATIN + "æøå", "nob": LATIN + "æøå", "isl": LATIN + "ðþæö", "est": LATIN + "õäöü",
    "lit": LATIN + "ąčęėįšųūž", "hun": LATIN + "áéíóöőúüű", "ces": LATIN + "áčéěířšúůýž",
    "slk": LATIN + "áäčéíľňôšťúýž",
    "hrv": LATIN + "čćđšž", "als": LATIN + "çë", "ron": LATIN + "ăâîșț", "mlt": LATIN + "ċġħż",
    "ell": "αβγδεζηθικλμνξοπρσςτυφχψω", "rus": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "ukr": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "bel": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "bul": "абвгдежзийклмнопрстуфхцчшщъьюя", "srp": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "mkd": "абвгдѓежзѕијклљмнњопрстќуфхцчџш", "kaz": "аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "khk": "абвгдеёжзийклмноөпрстуүфхцчшщъыьэюя", "hye": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "kat": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ", "heb": "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
    "arb": "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءؤئ", "pes": "ابپتثجچحخدذرزسشصضطظعغفقکگلمنوهی",
    "urd": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیے",
    "hin": "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह",
    "tha": "กขคฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "kor": "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ",
}  # fmt: skip


@pytest.mark.parametrize("language", sorted(ALPHABETS))
def test_every_letter_of_the_alphabet_has_neighbours_of_its_script(language):
    for letter in ALPHABETS[language]:
        near = neighbour_keys(letter, language)
        assert near, letter
        assert letter not in near
        assert {script_name(other) for other in near} == {script_name(letter)}


@pytest.mark.parametrize("language", sorted(ALPHABETS))
def test_neighbourhood_is_mutual(language):
    for letter in ALPHABETS[language]:
        assert all(letter in neighbour_keys(other, language) for other in neighbour_keys(letter, language))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_has_each_letter_once(name):
    letters = "".join([*LAYOUTS[name], *SHIFTED.get(name, ())]).replace(" ", "")
    assert len(letters) == len(set(letters))
    assert all(map(script_name, letters))


def test_tables_name_layouts_that_there_are():
    assert set(SHIFTED) < set(LAYOUTS)
    assert {*BY_SCRIPT.values(), *(name for names in BY_LANGUAGE.values() for name in names)} == set(LAYOUTS)


@pytest.mark.parametrize(
    ("language", "letter", "near"),
    [
        ("eng", "s", "adewxz"), ("eng", "S", "ADEWXZ"), ("eng", "q", "aw"), ("deu", "z", "tugh"),
        ("fra", "a", "qzé"), ("tur", "i", "şüğ"), ("rus", "й", "цфё"), ("ell", "ς", "εασ"), ("heb", "ש", "דז"),
        ("kor", "ㄱ", "ㄲㄷㅅㄹㅇ"), ("srp_Cyrl", "љ", "ањ"),
    ],
)  # fmt: skip
def test_keys_that_everybody_knows(language, letter, near):
    assert set(neighbour_keys(letter, language)) == set(near)


def test_a_letter_without_a_key_is_typed_as_its_base_letter():
    assert neighbour_keys("é", "eng") == neighbour_keys("e", "eng")
    assert neighbour_keys("ế", "vie") == neighbour_keys("e", "vie")
    assert neighbour_keys("Ά", "ell") == neighbour_keys("Α", "ell")
    assert set(neighbour_keys("é", "fra")) == set("az")  # which has a key in French, above a and z


def test_the_layout_is_that_of_the_letters_script_in_any_language():
    assert neighbour_keys("s", "rus") == neighbour_keys("s", "eng")
    assert neighbour_keys("ж", "tur") == neighbour_keys("ж", "rus")
    assert neighbour_keys("ž", "srp") == neighbour_keys("ž", "hrv")


@pytest.mark.parametrize("script", sorted(INSCRIPT_BLOCKS))
def test_indic_scripts_share_one_layout(script):
    # ISCII and Unicode put the same letter at the same place of each block.
    shift = INSCRIPT_BLOCKS[script] - 0x0900
    for letter in "कतनमयर":  # all of them in Tamil too
        expected = {chr(ord(other) + shift) for other in neighbour_keys(letter, "hin")}
        expected = {other for other in expected if script_name(other) == script}
        assert expected <= set(neighbour_keys(chr(ord(letter) + shift), "hin"))


def test_scripts_without_a_keyboard_take_the_alphabet():
    used = frozenset("ကခဂabc")
    assert neighbour_keys("ခ", "mya", used) == ("က", "ဂ")
    assert neighbour_keys("က", "mya", used) == ("ခ",)
    assert neighbour_keys("က", "mya") == ()
    assert neighbour_keys("ለ", "amh") == ("ሇ", "ሉ")
    assert neighbour_keys("か", "jpn") == ("お", "が")
    assert neighbour_keys("北", "zho", frozenset("北京x")) == ("京",)
    assert neighbour_keys("1", "eng") == neighbour_keys("!", "eng") == neighbour_keys("ー", "jpn") == ()


def test_a_key_that_stands_apart_has_the_nearest_for_a_neighbour():
    # Left of 1 there is no letter beside it; Q, where й and ض are, is next.
    assert neighbour_keys("ё", "rus") == ("й",)
    assert neighbour_keys("ذ", "arb") == ("ض",)
    assert neighbour_keys("ċ", "mlt") == ("q",)


def test_capitals_of_turkish():
    assert (upper("i", "tr"), upper("ı", "tr"), upper("i", "en")) == ("İ", "I", "I")
    assert (lower("I", "tr"), lower("İ", "tr"), lower("I", "en"), lower("İ", "en")) == ("ı", "i", "i", "i")
    assert upper("ß", "de") == "ß"


def test_a_language_that_there_is_not():
    with pytest.raises(TaskError, match="unknown language"):
        neighbour_keys("a", "nolanguage")
