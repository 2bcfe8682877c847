"""How a population is computed: `compiled` on a CPU, `cuda` or `graphs` on a GPU, and `torch` everywhere.

An engine has
    name                                              for the record
    device                                            where the population lies
    load(inputs, targets, lengths) -> split           a split's sequences as the engine wants them, with its `lengths`
    train(population, split, batches, update, share)  updates every row in place, once a batch [R, B]; `update` is the
                                                      number of the first, from 0; `share` that the schedule leaves
                                                      of the rates, one number or one a batch
    score(layout, weights, split, stop) -> [P, N]     clean NLL of each sequence, summed over its steps, float64
All give the same numbers up to rounding. `stop` is asked now and then; when it says True, `score` raises `Stopped`.
"""

import os
import sys

from torch import device as Device

from stages.plumbing.errors import InputError
from stages.population.engines.compiled import Compiled
from stages.population.engines.cuda import Cuda
from stages.population.engines.graphs import Graphs
from stages.population.engines.torch import Torch
from stages.protocol.protocol import Protocol
from stages.recurrent.net import Net

Engine = Compiled | Cuda | Graphs | Torch
NAMES = "cuda", "graphs", "compiled", "torch"
CPU = Device("cpu")
SMALL = 128  # units up to which a step's kernels are launched for longer than they compute: all nets of music


def choose(net: Net, protocol: Protocol, device: Device) -> Engine:
    """The fastest engine for the net, on the device or beside it, or what STUDY_ENGINE and STUDY_DEVICE name.

    On a GPU that is `cuda`; where its kernels cannot be had, nets of music are trained sooner by a few CPU cores, since
    torch launches some 17 kernels a step, and larger ones by `graphs`, which spares the host these launches. This order
    is an estimate: `make bench-gpu` measures it. One line says what was chosen and why, where it is not the fastest of
    a CPU.

    Raises:
        InputError: STUDY_ENGINE names no engine, or one that cannot compute this net here.
    """
    wanted, of_device = os.environ.get("STUDY_ENGINE", ""), os.environ.get("STUDY_DEVICE")
    if wanted not in ("", *NAMES):
        raise InputError(f"STUDY_ENGINE: expected {', '.join(NAMES[:-1])} or {NAMES[-1]}, found '{wanted}'")
    if device.type == "cpu" and wanted not in ("cuda", "graphs"):
        return _on_cpu(net, protocol, wanted)
    obstacle, asked = None, "STUDY_ENGINE asks for it"
    if wanted in ("", "cuda"):
        obstacle = Cuda.obstacle(net, protocol, device)
        if obstacle is None:
            _say(f"training on {device}, a kernel a pass (STUDY_ENGINE=compiled trains on the CPU's cores)")
            return Cuda(net, protocol, device)
    beside = not of_device and Compiled.obstacle(net, CPU) is None
    if beside and (wanted == "compiled" or (wanted == "" and net.units <= SMALL)):
        _say(f"training on the CPU's cores: {obstacle or asked} (STUDY_DEVICE={device} trains there)")
        return Compiled(net, protocol)
    if wanted in ("", "graphs"):
        without = Graphs.obstacle(net, protocol, device)
        if without is None:
            _say(f"training on {device}, played from CUDA graphs: {obstacle or asked}")
            return Graphs(net, protocol, device)
        obstacle = f"{obstacle}; {without}" if obstacle else without
    if wanted == "compiled":
        obstacle = Compiled.obstacle(net, device)
    if wanted not in ("", "torch"):
        raise _cannot(wanted, obstacle)
    _say(f"training in plain torch on {device}: {obstacle or asked}")
    return Torch(net, protocol, device)


def _on_cpu(net: Net, protocol: Protocol, wanted: str) -> Engine:
    obstacle = Compiled.obstacle(net, CPU)
    if obstacle is None and wanted != "torch":
        return Compiled(net, protocol)
    if wanted == "compiled":
        raise _cannot(wanted, obstacle)
    _say(f"training in plain torch: {obstacle or 'STUDY_ENGINE asks for it'}")
    return Torch(net, protocol, CPU)


def _cannot(wanted: str, obstacle: str | None) -> InputError:
    return InputError(f"STUDY_ENGINE: cannot use '{wanted}': {obstacle}; unset it to choose automatically")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
