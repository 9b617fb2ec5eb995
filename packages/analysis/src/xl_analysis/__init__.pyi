from .cka import cka_matrix as cka_matrix
from .cka import linear_cka as linear_cka
from .coverage import Coverage as Coverage
from .coverage import tokenizer_coverage as tokenizer_coverage
from .errors import AnalysisError as AnalysisError
from .gain_tables import gain_table as gain_table
from .lexical_tables import lexical_table as lexical_table
from .matrices import matrix_table as matrix_table
from .matrices import matrix_tables as matrix_tables
from .page import html_page as html_page
from .pairs import coverage_table as coverage_table
from .pairs import pair_table as pair_table
from .report import result_tables as result_tables
from .report import rows_by_kind as rows_by_kind
from .runs import rows_csv as rows_csv
from .runs import tell_runs_apart as tell_runs_apart
from .significance import Difference as Difference
from .significance import Interval as Interval
from .significance import bootstrap_interval as bootstrap_interval
from .significance import paired_bootstrap as paired_bootstrap
from .table import Table as Table
from .tables import metric_table as metric_table
from .tables import retrieval_table as retrieval_table
from .task_tables import task_table as task_table

__version__: str
