"""The objectives by their names in recipes: where the settings of each stand. Imports nothing heavy."""

OBJECTIVES = {
    "mlm": "xl_objectives.settings.text:MlmConfig",
    "seq": "xl_objectives.settings.text:SeqConfig",
    "tlm": "xl_objectives.settings.text:TlmConfig",
    "dcca": "xl_objectives.settings.word_vectors:DccaConfig",
    "mse": "xl_objectives.mse:MseConfig",
    "ot": "xl_objectives.settings.bitext:OtConfig",
    "l2": "xl_objectives.settings.bitext:L2Config",
    "word-nce": "xl_objectives.settings.bitext:WordNceConfig",
    "ot-pairs": "xl_objectives.bitext.plan_pairs:OtPairsConfig",
    "sentence-nce": "xl_objectives.bitext.sentence_contrast:SentenceNceConfig",
    "attention": "xl_objectives.bitext.attention_agreement:AttentionConfig",
    "bitext-tlm": "xl_objectives.bitext.masked_bitext:BitextTlmConfig",
    "weam": "xl_objectives.bitext.masked_bitext:WeamConfig",
    "teach": "xl_objectives.teacher.teaching:TeachConfig",
    "retain": "xl_objectives.teacher.retention:RetainConfig",
}
