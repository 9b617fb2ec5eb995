"""What the site is made of besides its pages: texts of the packages, tables from settings, docstrings."""
