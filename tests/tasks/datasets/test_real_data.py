"""The loaders on the real data sets, against the counts their publishers give."""

import pytest

from xl_tasks import hold_out, load_bible, load_sib200, load_tatoeba, load_texts

pytestmark = pytest.mark.data


def test_sib200_is_complete(data_folder):
    data = load_texts(data_folder / "sib200")
    assert data.name == "sib200"
    assert len(data.languages) == 30
    # Adelani et al. 2024: 701 / 99 / 204 sentences, the same in every language.
    assert all(len(texts) == 1004 for texts in data.texts.values())
    splits = list(hold_out(data).values())
    assert [splits.count(split) for split in ("train", "dev", "test")] == [701, 99, 204]
    assert data.fingerprint == load_sib200(data_folder / "sib200").fingerprint


def test_tatoeba_has_a_thousand_sentences_a_language_at_most(data_folder):
    data = load_texts(data_folder / "tatoeba")
    counts = {language: len(texts) for language, texts in data.texts.items()}
    assert len(counts) == 33
    # Artetxe & Schwenk 2019, table of test set sizes.
    assert (counts["amh_Ethi"], counts["kaz_Cyrl"], counts["swh_Latn"], counts["tur_Latn"]) == (168, 575, 390, 1000)
    english = counts.pop("eng_Latn")
    assert english == sum(counts.values())
    for language, texts in data.texts.items():
        lines = sum(
            file.read_bytes().count(b"\n")
            for short in {data.pools[key] for key in texts}
            for file in [data_folder / "tatoeba" / f"tatoeba.{short}-eng.eng"]
        )
        assert len(texts) == lines, language
    assert load_tatoeba(data_folder / "tatoeba", ["tr", "en"]).keys == tuple(sorted(f"tur:{i}" for i in range(1, 1001)))


def test_bible_is_complete(data_folder):
    data = load_texts(data_folder / "bible")
    counts = {language: len(texts) for language, texts in data.texts.items()}
    # The King James numbering has 31,102 verses in 1,189 chapters.
    assert (counts["ell_Grek"], counts["heb_Hebr"], len(data.keys)) == (31102, 31102, 31102)
    assert len(set(data.groups.values())) == 1189
    aligned = (data_folder / "bible/aligned_ids.txt").read_text("utf-8").split()
    for language, texts in data.texts.items():
        assert language == "swh_Latn" or set(aligned) <= set(texts)
    assert load_bible(data_folder / "bible/unclear_licence").languages == ("amh_Ethi", "heb_Hebr", "pes_Arab")
