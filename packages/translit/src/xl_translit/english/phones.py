"""The phones of American English: as dictionaries and Flite name them (ARPAbet), and as Epitran writes them (IPA).

Inside the package a pronunciation is a string with one character a phone, so that a slice of it is a slice of sounds.
"""

# ARPAbet -> IPA as in Epitran's table for eng-Latn: no length marks, diphthongs as vowel and glide, affricates tied.
IPA = {
    "AA": "ɑ",
    "AE": "æ",
    "AH": "ʌ",
    "AO": "ɔ",
    "AW": "aw",
    "AX": "ə",
    "AY": "aj",
    "B": "b",
    "CH": "t͡ʃ",
    "D": "d",
    "DH": "ð",
    "DX": "ɾ",
    "EH": "ɛ",
    "EM": "m̩",
    "EN": "n̩",
    "ER": "ɹ̩",
    "EY": "ej",
    "F": "f",
    "G": "ɡ",
    "HH": "h",
    "IH": "ɪ",
    "IY": "i",
    "JH": "d͡ʒ",
    "K": "k",
    "L": "l",
    "M": "m",
    "N": "n",
    "NG": "ŋ",
    "OW": "ow",
    "OY": "oj",
    "P": "p",
    "PAU": "",  # a pause
    "Q": "ʔ",
    "R": "ɹ",
    "S": "s",
    "SH": "ʃ",
    "T": "t",
    "TH": "θ",
    "UH": "ʊ",
    "UW": "u",
    "V": "v",
    "W": "w",
    "Y": "j",
    "Z": "z",
    "ZH": "ʒ",
}

# One character for each phone of the CMU dictionary, the unstressed AH apart (AX).
CODES = {
    "AA": "A",
    "AE": "a",
    "AH": "V",
    "AO": "O",
    "AW": "W",
    "AX": "x",
    "AY": "Y",
    "B": "b",
    "CH": "C",
    "D": "d",
    "DH": "D",
    "EH": "E",
    "ER": "R",
    "EY": "e",
    "F": "f",
    "G": "g",
    "HH": "h",
    "IH": "I",
    "IY": "i",
    "JH": "J",
    "K": "k",
    "L": "l",
    "M": "m",
    "N": "n",
    "NG": "N",
    "OW": "o",
    "OY": "X",
    "P": "p",
    "R": "r",
    "S": "s",
    "SH": "S",
    "T": "t",
    "TH": "T",
    "UH": "U",
    "UW": "u",
    "V": "v",
    "W": "w",
    "Y": "y",
    "Z": "z",
    "ZH": "Z",
}

_IPA_OF_CODE = str.maketrans({code: IPA[phone] for phone, code in CODES.items()})


def encode(phones: list[str]) -> str:
    """ARPAbet as the CMU dictionary writes it to one character a phone: `["K", "AH0", "T"]` is `"kxt"`.

    The digits are stress marks. An AH without stress is the vowel of "about" and becomes AX, as Flite says it.
    Raises KeyError for a phone that the dictionary does not use.
    """
    return "".join(CODES["AX" if phone == "AH0" else phone.rstrip("012")] for phone in phones)


def spell_ipa(codes: str) -> str:
    """One character a phone to IPA: `"kxt"` is `"kət"`."""
    return codes.translate(_IPA_OF_CODE)


def arpabet_to_ipa(phones: list[str]) -> str:
    """ARPAbet in either case, with or without stress digits, to IPA; raises KeyError for a phone that is not known."""
    return "".join(IPA[phone.rstrip("012").upper()] for phone in phones)
