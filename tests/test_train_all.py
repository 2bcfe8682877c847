"""All trainings on a cluster of two nodes, on this machine: killed, cut off, refused, and in the end the same bits."""

import re
import shutil
import subprocess

import cluster_study
import numpy as np
import pytest
from cluster_study import Nodes, begin, blocks, output, shards, wait_for_quiet, wait_until
from endurance_cluster import on_paper
from pipeline_study import Study

from stages.cluster import planning, workers

pytest.importorskip("ray", reason="Ray is not installed: pip install -c constraints.txt -e '.[cluster]'")


@pytest.fixture(scope="module")
def nodes():
    with Nodes() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Study:
    return cluster_study.prepared(tmp_path_factory.mktemp("all") / "prepared", repeats=2, epochs=200)


def test_a_killed_driver_and_a_killed_node_leave_the_same_bits(nodes, prepared, tmp_path):
    calm, shaken = prepared.copy(tmp_path / "calm"), prepared.copy(tmp_path / "shaken")
    calm.call("dvc", "repro", "train")
    first, _ = nodes.add(), nodes.add()
    driver = begin(shaken, nodes.address)
    wait_until(driver, shaken, lambda: shards(shaken))
    driver.kill()
    driver.wait()
    wait_for_quiet(shaken)
    again = begin(shaken, nodes.address)
    wait_until(again, shaken, lambda: nodes.saved(first, shaken))
    nodes.kill(first)
    assert again.wait() == 0, output(shaken)
    begun, left = blocks(shaken)
    assert left < begun == 4, "shards that are there are not trained again"
    assert re.search(r"airs-\w+\.\d-\d goes on elsewhere: its machine or worker is gone", output(shaken))
    assert cluster_study.results(shaken) == cluster_study.results(calm) != {}
    assert shaken.repro("--dry", "train") == [], "they are entered into dvc.lock"


def test_a_node_with_other_packages_is_refused_by_name(nodes, prepared, tmp_path):
    study, other = prepared.copy(tmp_path / "study"), tmp_path / "other/numpy-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    nodes.clear()
    nodes.add(PYTHONPATH=str(other.parent))
    assert begin(study, nodes.address).wait() == 1
    line = output(study).splitlines()[-1]
    assert line.startswith("error: no machine can train: ") and "differs: numpy 0.0.1, the driver's " in line
    assert not (study.folder / "models").exists()


ROOM = "mount -t tmpfs -o size=64k none .checkpoints && exec"


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode,
    reason="a small file system can be mounted by nobody here",
)
def test_a_full_disk_is_one_line_and_is_not_tried_again(prepared, tmp_path):
    """Checkpoints lie on a file system of 64 KB, of which one takes more; a Ray of its own, for it must see that."""
    study: Study = prepared.copy(tmp_path / "study")
    (study.folder / ".checkpoints").mkdir()
    driver = begin(study, None, "unshare", "-rm", "sh", "-c", f'{ROOM} "$0" "$@"')
    assert driver.wait() == 1
    line = output(study).splitlines()[-1]
    assert line.startswith("error: airs-") and "cannot be written (No space left on device)" in line
    assert output(study).count("failed: airs-") == 4 and "goes on elsewhere" not in output(study)


def test_on_paper_work_is_shared_until_the_longest_block_or_dvc_is_waited_for():
    trainings = [(3600.0, 1, 0), (1800.0, 4, 0)]
    hours = {workers: on_paper(trainings, workers, 0.0, 0.0) for workers in (1, 2, 3, 1000)}
    assert hours == {1: 3.0, 2: 1.5, 3: 1.0, 1000: 1.0}
    assert on_paper(trainings, 1000, 3600.0, 360.0) == pytest.approx(0.1 + 0.5 + 2), "one enters after the other"


def test_an_arm_may_have_a_hyphen_in_its_name():
    found = planning.outdated('{"train@airs": [], "train_my-arm@airs": [], "evaluate_my-arm@airs": []}')
    assert found == ["train@airs", "train_my-arm@airs"]


def test_all_that_a_machine_has_otherwise_is_named(tmp_path):
    for name in ("folder", "params.yaml", "code.py"):
        (tmp_path / name).write_text(name)
    files = {name: workers.digest(tmp_path / name) for name in ("folder", "params.yaml", "code.py", "lost.npz")}
    own = workers.Versions("folder", files, {"numpy": workers.package("numpy"), "nowhere": workers.NOTHING})
    assert workers.differences(tmp_path, own) == []
    (tmp_path / "code.py").write_text("changed")
    (tmp_path / "lost.npz").write_text("found")
    others = workers.Versions("folder", files, {"numpy": "0.0.1", "Python": "2.7"})
    found, python = workers.differences(tmp_path, others), workers.package("Python")
    assert found == [
        "code.py",
        "lost.npz",
        f"numpy {np.__version__}, the driver's 0.0.1",
        f"Python {python}, the driver's 2.7",
    ]
    (tmp_path / "folder").write_text("another's")
    assert workers.differences(tmp_path, own) == [
        f"{tmp_path} is not the driver's folder, which all machines must share"
    ]
