"""A cluster of nodes on this machine, and a throw-away study for it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import endurance
import psutil
from pipeline_study import Study, lay_out

WAIT = 300.0  # seconds for what must come
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


class Nodes:
    """A head without cores and the nodes that are added to it, each with one core; each is as a machine of its own."""

    def __enter__(self) -> "Nodes":
        from ray.cluster_utils import Cluster

        os.environ |= {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        self._cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0, "include_dashboard": False})
        self.address = self._cluster.address
        return self

    def __exit__(self, *_) -> None:
        self._cluster.shutdown()

    def add(self, **variables: str):
        """A further node, with these in its environment."""
        return self._cluster.add_node(**NODE, env_vars=variables)

    def clear(self) -> None:
        for node in list(self._cluster.worker_nodes):
            self._cluster.remove_node(node)

    def kill(self, node) -> None:
        """All that runs on it ends at once, its trainings unsaved."""
        for process in self._processes(node):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster.remove_node(node, allow_graceful=False)

    def trainings(self, node) -> list[str]:
        """The titles of what trains there."""
        titles = []
        for process in self._processes(node):
            with suppress(psutil.Error):
                said = " ".join(process.cmdline())
                if found := re.search(r"cluster\.child .*--dataset=(\S+) --cell=(\S+) --repeats=(\d+):(\d+)", said):
                    titles.append("{}-{}.{}-{}".format(*found.groups()))
        return titles

    def saved(self, node, study: Study) -> bool:
        """Whether something trains there that has a checkpoint."""
        return any(list((study.folder / ".checkpoints").glob(f"{title}-*")) for title in self.trainings(node))

    @staticmethod
    def _processes(node) -> list[psutil.Process]:
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        return [raylet, *raylet.children(recursive=True)]


def prepared(folder: Path, repeats: int, epochs: int) -> Study:
    """A study of one dataset and two cells whose data are prepared and whose trainings last."""
    study = lay_out(folder)

    def longer(params):
        params["datasets"]["airs"]["training"].update(max_epochs=epochs, repeats=repeats)
        params["train"]["patience"] = epochs

    study.edit_yaml("params.yaml", longer)
    study.call("dvc", "repro", "prepare@airs")
    return study


def begin(study: Study, address: str | None, *within: str, **variables: str) -> subprocess.Popen:
    """`train_all` up to the trainings, its output in a file; `within` is a command that it is given to."""
    where = study.environment() | {"STUDY_CHECKPOINT_SECONDS": "0.2", "PYTHONUNBUFFERED": "1"} | variables
    to = ["--address", address] if address else []
    command = [*within, sys.executable, "-m", "stages.train_all", *to, "--only-trainings"]
    with (study.folder / "output.txt").open("a") as file:
        return subprocess.Popen(command, cwd=study.folder, env=where, stdout=file, stderr=subprocess.STDOUT)


def output(study: Study) -> str:
    log = study.folder / "output.txt"
    return log.read_text() if log.exists() else ""


def blocks(study: Study) -> list[int]:
    """How many blocks each start of `train_all` found to be left."""
    return [int(found) for found in re.findall(r"(\d+) blocks of repeats to train", output(study))]


def shards(study: Study) -> list[Path]:
    """Those that are whole."""
    return sorted(path.parent for path in (study.folder / ".shards").glob("paper/airs/*/*-*/run.json"))


def wait_until(process: subprocess.Popen | None, study: Study, what: Callable[[], object]) -> None:
    """Raises AssertionError: it did not come, or the process ended before."""
    until = time.monotonic() + WAIT
    while not what():
        assert process is None or process.poll() is None, output(study)
        assert time.monotonic() < until, output(study)
        time.sleep(0.05)


def wait_for_quiet(study: Study) -> None:
    """Until nothing runs in the study's folder any more: what a killed driver has left ends by itself."""
    wait_until(None, study, lambda: str(study.folder) not in [p.info["cwd"] for p in psutil.process_iter(["cwd"])])


def results(study: Study) -> dict[str, str]:
    """The files of all trainings and their digests, but for what tells how long they took."""
    found = endurance.results(study.folder).items()
    return {name: digest for name, digest in found if name.startswith("models") and not name.endswith("run.json")}
