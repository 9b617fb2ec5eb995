"""Tables in the form of a paper: a layout is a file NAME.toml here, read by `layout`, filled by `laid_out`."""
