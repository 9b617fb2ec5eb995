#!/usr/bin/env bash
# Numbers spelled out in Azerbaijani, Turkish and Vietnamese.
#
# One would guess: two different numbers have different words.
# What happens: in Azerbaijani every number of thousands that ends in one loses the one: 21,500 is said "iyirmi min
#   beş yüz", twenty thousand five hundred (right: "iyirmi bir min beş yüz"); 11,000 and 10,000 are one. Turkish says
#   101,001 and 100,001 alike. Vietnamese says -3 as "mười bảy", seventeen, Bengali as three.
# Hurt: speech and phoneme data, noise and number probes, every normaliser of text on top of num2words (g2p front
#   ends).
# xl: says thousands in Azerbaijani and Turkish itself, by parts that num2words has right (packages/translit,
#   number_words.py); minus signs never reach num2words.
# Seen with: num2words 0.5.14.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q env
uv pip install -q -p env num2words==0.5.14
env/bin/python - <<'PY'
from num2words import num2words

for lang, one, other in (("az", 20500, 21500), ("az", 10000, 11000), ("tr", 100001, 101001)):
    print(lang, one, other, num2words(one, lang=lang), "|", num2words(other, lang=lang))
    assert num2words(one, lang=lang) == num2words(other, lang=lang), "they differ now"
lost = [n for n in range(2000, 1_000_000, 1000) if num2words(n, lang="az") == num2words(n - 1000, lang="az")]
print(f"az: {len(lost)} of 998 round thousands are said as the thousand before: {lost[:4]} ...")
assert lost == [n for n in range(2000, 1_000_000, 1000) if n // 1000 % 10 == 1]
print("vi -3:", num2words(-3, lang="vi"), "| 17:", num2words(17, lang="vi"))
assert num2words(-3, lang="vi") == num2words(17, lang="vi")
assert num2words(-3, lang="bn") == num2words(3, lang="bn")
PY
