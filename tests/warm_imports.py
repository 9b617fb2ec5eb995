"""What the processes of `tests.warm` have imported before they begin: nothing here computes, so that a fork is safe."""

import accelerate
import pandas
import scipy.stats
import sklearn.feature_extraction.text
import torch._dynamo
import torch.distributed.tensor
import transformers
import transformers.models.xlm_roberta.modeling_xlm_roberta

import xl_analysis
import xl_cli.main
import xl_encoders
import xl_tasks
from xl_encoders import Checkpoints, Encoder, TextPart, fit, load_encoder, new_encoder

__all__ = [
    "Checkpoints", "Encoder", "TextPart", "accelerate", "fit", "load_encoder", "new_encoder", "pandas", "scipy",
    "sklearn", "torch", "transformers", "xl_analysis", "xl_cli", "xl_encoders", "xl_tasks",
]  # fmt: skip
