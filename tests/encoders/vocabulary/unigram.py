"""A small encoder with a Unigram vocabulary of Latin letters, and text of a script that it cannot write."""

import random
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from xl_encoders import Encoder

LATIN = [
    "the cat sits on the carpet and looks out of the window", "the white house stands on the big mountain by the sea",
    "kedi halinin uzerinde oturuyor ve pencereden bakiyor", "beyaz ev buyuk dagin ustunde, deniz kenarinda",
    "die katze sitzt auf dem teppich und schaut aus dem fenster", "das weisse haus steht auf dem grossen berg",
]  # fmt: skip
SYLLABLES = ["བོད", "ཡིག", "སྐད", "མི", "ཆུ", "ཁང", "པ", "རི", "ལ", "གྱི"]
SPECIALS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


def tibetan(n: int, seed: int = 0) -> list[str]:
    """Sentences of syllables, a tsheg behind each."""
    drawn = random.Random(seed)
    return ["".join(f"{drawn.choice(SYLLABLES)}་" for _ in range(drawn.randint(4, 12))) for _ in range(n)]


def unigram_encoder(seed: int = 0) -> Encoder:
    import torch

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=specials, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(LATIN, trainer)
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", **SPECIALS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = XLMRobertaConfig(
            vocab_size=len(whole), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=66, type_vocab_size=1,
        )  # fmt: skip
        model = XLMRobertaForMaskedLM(config).eval()
        model.lm_head.bias.data.normal_()
    return Encoder(model, whole, name="latin", max_len=64)


def saved(folder: Path) -> Path:
    unigram_encoder().save(folder)
    return folder
