from .errors import AnalysisError as AnalysisError
from .spaces.cka import cka_matrix as cka_matrix
from .spaces.cka import linear_cka as linear_cka
from .spaces.coverage import Coverage as Coverage
from .spaces.coverage import tokenizer_coverage as tokenizer_coverage
from .statistics.significance import Difference as Difference
from .statistics.significance import Interval as Interval
from .statistics.significance import bootstrap_interval as bootstrap_interval
from .statistics.significance import paired_bootstrap as paired_bootstrap
from .tables.gain_tables import gain_table as gain_table
from .tables.lexical_tables import lexical_table as lexical_table
from .tables.matrices import matrix_table as matrix_table
from .tables.matrices import matrix_tables as matrix_tables
from .tables.mean_tables import metric_table as metric_table
from .tables.mean_tables import retrieval_table as retrieval_table
from .tables.page import html_page as html_page
from .tables.pairs import coverage_table as coverage_table
from .tables.pairs import pair_table as pair_table
from .tables.report import result_tables as result_tables
from .tables.report import rows_by_kind as rows_by_kind
from .tables.runs import rows_csv as rows_csv
from .tables.runs import tell_runs_apart as tell_runs_apart
from .tables.table import Table as Table
from .tables.task_tables import task_table as task_table

__version__: str
