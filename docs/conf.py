"""Sphinx's settings: `uv run just docs` builds the site into build/site."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# Notebooks are run by processes that inherit these: nothing is fetched, and idle threads sleep.
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}

project = "xl"
version = release = installed("xl-cli")
extensions = ["myst_nb", "sphinx.ext.autodoc", "docs.building.extension"]
exclude_patterns = ["building"]

html_theme = "furo"
html_title = f"xl {version}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["wide.css"]
# Formulas become MathML, which browsers draw by themselves: pages need no network.
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath", "amsmath", "attrs_block", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_default_options = {"members": True, "member-order": "alphabetical"}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False
# "0.05 $ an hour, 0.4 $ ..." is no formula.
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
smartquotes = False
html_show_copyright = False
nb_output_stderr = "remove"
toc_object_entries_show_parents = "hide"
