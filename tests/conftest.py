"""Settings of the whole test run. They stand here, before torch is imported: two workers share two cores."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["STUDY_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ["TRITON_INTERPRET"] = "1"  # kernels for a GPU run without one, slowly


def pytest_collection_modifyitems(items):
    """The longest start first, each on a worker: the throw-away pipeline, and the cluster, which mostly waits."""
    longest = ["test_pipeline.py", "test_train_all.py"]
    items.sort(key=lambda item: longest.index(item.path.name) if item.path.name in longest else len(longest))


def parse_once() -> None:
    """A test's params.yaml is read by many and changed by few: a file that is as it was is not parsed again."""
    from stages.plumbing import parameters

    parsed, load = {}, parameters.load

    def load_once(path=parameters.PARAMS):
        try:
            state = path.resolve(), path.stat().st_mtime_ns, path.stat().st_size
        except OSError:
            return load(path)
        if state not in parsed:
            parsed[state] = load(path)
        return parsed[state]

    parameters.load = load_once


parse_once()
