"""One script a stage; `python -m stages.NAME` in the project's folder runs one."""

import os

# GNU OpenMP, which torch computes with on Linux, reads this when it is loaded. By default its threads spin 300,000
# times before they sleep, and training slows down to a fraction as soon as another program wants a core
# (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
