"""Trains everything that is out of date, on as many machines as there are, and brings the rest up to date.

    python -m stages.train_all                                    on this machine, a training a core
    python -m stages.train_all --address auto                     on the Ray cluster that this machine belongs to
    python -m stages.train_all --address auto --gpus-per-task 0.25

The machines share the project's folder. A training is cut into blocks of repeats; each leaves a shard, and the
training's own stage joins them. Stopped at any moment, the same command goes on.
"""

import argparse
import os
import subprocess
import sys

from stages.console import device as devices
from stages.plumbing.errors import InputError, Interrupted, run
from stages.plumbing.leases import held
from stages.plumbing.places import SHARDS

DVC_REPRO = [sys.executable, "-m", "stages.repro"]


def call(*command: str, read: bool = False) -> str:
    """Runs a command here; its output, where it is to be read.

    Raises:
        InputError: it failed, and has said why. Interrupted: it was asked to stop, and has put its work away.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE if read else None, text=True) as process:
        try:
            said = process.communicate()[0]
        except KeyboardInterrupt:  # the command has got it too
            process.wait()
            raise Interrupted("the same command goes on from there") from None
    if process.returncode:
        raise InputError(f"'{' '.join(command[1:])}' failed, see above")
    return said or ""


def connect(address: str | None):
    """Ray, on a cluster or, without an address, on the cores of this machine.

    Raises:
        InputError: it is not installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # by default 15: a training would give way to everything
    try:
        import ray
    except ImportError:
        install = "pip install -c constraints.txt -e '.[cluster]'"
        raise InputError(f"Ray is not installed; `make train-all` installs it, or {install}") from None
    here = (
        {"address": "local", "num_cpus": devices.threads(), "include_dashboard": False}
        if address is None
        else {"address": address}
    )
    try:
        ray.init(**here, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--address {address}: no Ray cluster there ({reason}); `ray start` makes one") from None
    return ray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", help="of a Ray cluster; auto: the one this machine belongs to")
    parser.add_argument("--cpus-per-task", type=int, default=1, help="cores, and threads, of a training")
    parser.add_argument("--gpus-per-task", type=float, default=0.0, help="0.25: four trainings share a GPU")
    parser.add_argument("--repeats-per-task", type=int, default=1, help="of a training, in one block")
    parser.add_argument("--only-trainings", action="store_true", help="leave what follows from them as it is")
    options = parser.parse_args()
    if min(options.cpus_per_task, options.repeats_per_task) < 1 or options.gpus_per_task < 0:
        raise InputError("--cpus-per-task and --repeats-per-task are at least 1, --gpus-per-task at least 0")
    ray = connect(options.address)
    try:
        from stages.cluster import driver, planning, versions

        with held(SHARDS / "train_all", "train-all"):
            call(*DVC_REPRO, "prepare")
            stages = planning.outdated(call(sys.executable, "-m", "dvc", "status", "--json", read=True))
            trainings = [training for stage in stages for training in planning.Training.of(stage)]
            blocks = planning.plan(trainings, options.repeats_per_task)
            print(f"== {len(trainings)} trainings out of date: {len(blocks)} blocks of repeats to train", flush=True)
            versions.mark()
            datasets = {block.dataset for block in blocks}
            shared = versions.expected(datasets)
            driver.Driver(blocks, stages, shared, options.cpus_per_task, options.gpus_per_task).run()
            if not options.only_trainings:
                call(*DVC_REPRO)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    run(main)
