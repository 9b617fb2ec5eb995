"""The objectives by their names in recipes: where the settings of each stand. Imports nothing heavy."""

OBJECTIVES = {
    "mlm": "xl_objectives.config:MlmConfig",
    "seq": "xl_objectives.config:SeqConfig",
    "tlm": "xl_objectives.config:TlmConfig",
    "dcca": "xl_objectives.config:DccaConfig",
    "mse": "xl_objectives.config:MseConfig",
    "ot": "xl_objectives.config:OtConfig",
    "l2": "xl_objectives.config:L2Config",
    "word-nce": "xl_objectives.config:WordNceConfig",
}
