"""`python -m tinychat.params`: checks params.yaml, and whether this machine has the memory to train; writes nothing."""

from pathlib import Path

from tinychat.language.exit import run_and_exit
from tinychat.params.loading import check
from tinychat.params.memory import check_memory

if __name__ == "__main__":
    run_and_exit(lambda: check_memory(check(Path())))
