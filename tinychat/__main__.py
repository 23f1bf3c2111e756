"""`python -m tinychat`: the command where it is not installed."""

from tinychat.cli import main

if __name__ == "__main__":
    main()
