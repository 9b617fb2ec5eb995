"""Romanise a column of a pandas table: python romanise_column.py TABLE.csv COLUMN OUT.csv (needs xl-translit)."""

import sys

import pandas as pd

from xl_translit import Romanizer

source, column, out = sys.argv[1:]
table = pd.read_csv(source, dtype={column: "string"})
present = table[column].notna()
romanised = Romanizer().batch(table.loc[present, column].tolist())
table.loc[present, f"{column}_latn"] = romanised
table.to_csv(out, index=False)
print(table[[column, f"{column}_latn"]].head(3).to_string())
