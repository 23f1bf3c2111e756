"""One script a stage; `python -m stages.NAME` in the project's folder runs one."""

import os

# GNU OpenMP, which torch computes with on Linux, reads this when it is loaded. By default its threads spin 300,000
# times before they sleep: as soon as another program wants a core, training slows down to a sixth (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
