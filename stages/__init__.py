"""One script a stage; `python -m stages.NAME` in the project's folder runs one."""

import os
import signal
import sys

# GNU OpenMP, which torch computes with on Linux, reads this when it is loaded. By default its threads spin 300,000
# times before they sleep, and training slows down to a fraction as soon as another program wants a core
# (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# `python -m stages.NAME`: while a stage loads its modules, Ctrl-C simply ends it. As an exception it would be a page of
# traceback, or what a half-loaded numpy makes of it. `run_and_exit` takes this back.
if sys.argv[0] == "-m" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
