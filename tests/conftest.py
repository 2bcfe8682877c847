"""Settings of the whole test run. They stand here, before torch is imported: two workers share two cores."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["STUDY_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"
os.environ["DVC_NO_ANALYTICS"] = "1"


def pytest_collection_modifyitems(items):
    """The throw-away pipeline takes one worker longer than all other tests take the other: it starts first."""
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")
