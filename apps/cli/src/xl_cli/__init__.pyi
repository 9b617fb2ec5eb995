from .alignment.align import RunPlan as RunPlan
from .alignment.align import align as align
from .alignment.align import plan as plan
from .errors import CliError as CliError
from .errors import StoppedEarlyError as StoppedEarlyError
from .errors import UsageError as UsageError
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.evaluate import plan_evaluation as plan_evaluation
from .folder.compare import compare as compare
from .folder.export import Exported as Exported
from .folder.export import export as export
from .folder.report import report as report
from .measure.analyze import analyze as analyze
from .published.rows import published_beside as published_beside
from .published.rows import published_rows as published_rows
from .results import Rows as Rows
from .results import UnfinishedError as UnfinishedError
from .vectors.bli import bli as bli
from .vectors.extract import extract as extract
from .vectors.induce import induce as induce
from .vectors.map import map_vectors as map_vectors
from .vectors.multilingual.multilingual import JobPlan as JobPlan
from .vectors.multilingual.multilingual import multilingual as multilingual
from .vectors.neighbours import neighbours as neighbours
from .vectors.similarity import similarity as similarity

__version__: str
