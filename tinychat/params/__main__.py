"""`python -m tinychat.params`: checks params.yaml and what training needs of this machine, and writes nothing."""

from pathlib import Path

from tinychat.language.exit import run_and_exit
from tinychat.params.loading import check
from tinychat.params.memory import check_memory

if __name__ == "__main__":
    run_and_exit(lambda: check_memory(check(Path())))
