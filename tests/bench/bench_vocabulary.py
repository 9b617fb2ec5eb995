"""Vocabulary extension at the size of XLM-R and Glot500: seconds and memory, and the pairing of the released code.

Run by hand:

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_vocabulary

The vocabulary is random words in ten scripts with random scores, a Unigram model of 250,000 pieces, and the model has
XLM-R base's table with one thin block. The released TransMI code looks for the sources of each new piece in the whole
list of romanisations; that loop is timed on the first pieces and scaled, as it grows with the square of the vocabulary.
"""

import argparse
import random
import resource
import time

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from xl_encoders import Encoder, extend_vocabulary
from xl_translit import Romanizer

SCRIPTS = [
    *["abcdefghijklmnopqrstuvwxyz"] * 3,
    "αβγδεζηθικλμνξοπρστυφχψω",
    "абвгдежзийклмнопрстуфхцчшщыэюя",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
    "가나다라마바사아자차카타파하거너더러머버서어저처",
    "".join(map(chr, range(0x4E00, 0x4E00 + 3000))),
]
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=250_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--looked-up", type=int, default=200, help="new pieces that the released loop is timed on")
    arguments = parser.parse_args()
    encoder = large_encoder(arguments.pieces, arguments.width)
    romanise = Romanizer().batch
    romanise(["α"])  # the tables are loaded now
    pieces = encoder.tokenizer.convert_ids_to_tokens(list(range(arguments.pieces)))
    known = set(pieces)
    memory = peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    did = extend_vocabulary(encoder, romanise)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(did)
    print(f"ours: {wall:.1f} s, {cpu:.1f} s of CPU; peak memory {memory:.0f} -> {peak_memory():.0f} MiB")

    started = time.process_time()
    romanised = romanise(pieces)
    print(f"romanisation alone, a second time: {time.process_time() - started:.1f} s of CPU")
    new = list(dict.fromkeys(piece for piece in romanised if piece not in known))
    started = time.process_time()
    for piece in new[: arguments.looked_up]:
        [source for source, target in zip(pieces, romanised, strict=True) if target == piece]
    looked_up = (time.process_time() - started) / min(arguments.looked_up, len(new)) * len(new)
    print(f"released loop, sources only: {looked_up:.0f} s of CPU for {len(new)} pieces, {looked_up / cpu:.0f}x ours")


def large_encoder(n_pieces: int, width: int) -> Encoder:
    chance = random.Random(1)
    vocabulary = dict.fromkeys(SPECIALS, 0.0)
    while len(vocabulary) < n_pieces - 1:
        word = "".join(chance.choices(chance.choice(SCRIPTS), k=chance.randint(1, 8)))
        vocabulary.setdefault(chance.choice(["▁", ""]) + word, -15 * chance.random())
    tokenizer = Tokenizer(models.Unigram([*vocabulary.items(), ("<mask>", 0.0)], unk_id=3))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", mask_token="<mask>", **names
    )
    config = XLMRobertaConfig(
        vocab_size=n_pieces, hidden_size=width, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=66, pad_token_id=1,
    )  # fmt: skip
    return Encoder(XLMRobertaForMaskedLM(config).eval(), fast, name="large", max_len=64)


def peak_memory() -> float:
    """MiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
