"""NPBench as an external suite: `python -m bench --npbench PATH`, a checkout of the repository spcl/npbench."""
