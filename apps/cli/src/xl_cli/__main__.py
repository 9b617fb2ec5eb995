"""`python -m xl_cli` is `xl`, so that `accelerate launch -m xl_cli align ...` works."""

from xl_cli.main import main

main()
