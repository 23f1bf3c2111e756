"""One script per stage; `python -m stages.NAME` in the project's folder runs one."""

import os
import signal
import sys

# GNU OpenMP, which torch computes with on Linux, reads this when it is loaded. By default its threads spin 300,000
# times before they sleep, which slows training down to a fraction next to another busy program (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# `python -m stages.NAME`: while a stage imports its modules, Ctrl-C simply ends it. As an exception it would print a
# long traceback, or errors of a half-imported numpy. `run_and_exit` reverts this.
if sys.argv[0] == "-m" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
