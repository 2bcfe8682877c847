"""How a population is computed: `compiled` on a CPU, where there is a fast path for the net, and `torch` everywhere.

An engine has
    name                                              for the record
    device                                            where the population lies
    load(inputs, targets, lengths) -> split           a split's sequences as the engine wants them, with its `lengths`
    train(population, split, batches, update, share)  updates every row in place, once a batch [R, B]; `update` is the
                                                      number of the first, from 0; `share` that the schedule leaves
                                                      of the rates, one number or one a batch
    score(layout, weights, split, stop) -> [P, N]     clean NLL of each sequence, summed over its steps, float64
Both give the same numbers up to rounding. `stop` is asked now and then; when it says True, `score` raises `Stopped`.
"""

import os
import sys

from torch import device as Device

from stages.plumbing.errors import InputError
from stages.population.engines.compiled import Compiled
from stages.population.engines.torch import Torch
from stages.protocol.protocol import Protocol
from stages.recurrent.net import Net

Engine = Compiled | Torch
CPU = Device("cpu")
SMALL = 128  # units up to which a step's kernels are launched for longer than they compute: all nets of music


def choose(net: Net, protocol: Protocol, device: Device) -> Engine:
    """The fastest engine for the net, on the device or beside it, or what STUDY_ENGINE and STUDY_DEVICE name.

    Says so where it is not the device's own or the slow one. On a GPU only the plain engine runs, some 17 launches a
    step: nets of music are trained sooner by a few CPU cores, until a faster engine has been measured there.

    Raises:
        InputError: STUDY_ENGINE names no engine, or one that cannot compute this net here.
    """
    wanted = os.environ.get("STUDY_ENGINE", "")
    if wanted not in ("", "torch", "compiled"):
        raise InputError(f"STUDY_ENGINE: expected torch or compiled, found '{wanted}'")
    if device.type != "cpu" and not os.environ.get("STUDY_DEVICE"):
        beside = Compiled.obstacle(net, CPU) is None and (wanted == "compiled" or net.units <= SMALL)
        if beside and wanted != "torch":
            reason = "STUDY_ENGINE asks for it" if wanted else f"{net.units} units are too few to fill {device}"
            print(f"training on the CPU's cores: {reason} (STUDY_DEVICE={device} trains there)", file=sys.stderr)
            device = CPU
    obstacle = Compiled.obstacle(net, device)
    if wanted == "compiled" and obstacle:
        raise InputError(f"STUDY_ENGINE: cannot use 'compiled': {obstacle}; unset it to choose automatically")
    if obstacle is None and wanted != "torch":
        return Compiled(net, protocol)
    if device.type == "cpu":
        print(f"training in plain torch: {obstacle or 'STUDY_ENGINE asks for it'}", file=sys.stderr)
    return Torch(net, protocol, device)
