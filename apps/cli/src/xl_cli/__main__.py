"""`python -m xl_cli` is `xl`, so that `accelerate launch -m xl_cli align ...` works."""


def main() -> None:
    """Run `xl`; stopped while the program is still being read, it ends as quietly as later."""
    try:
        from xl_cli.main import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
