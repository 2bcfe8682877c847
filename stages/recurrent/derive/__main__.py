"""Prints what is derived from a cell's `step`: the source of its compiled passes, or of its kernels for a GPU.

python -m stages.recurrent.derive gru
python -m stages.recurrent.derive gru --gpu
"""

import argparse

from stages import cells
from stages.plumbing.errors import InputError, run
from stages.recurrent import derive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell")
    parser.add_argument("--inputs", type=int, default=88, help="D; the source depends on it only if the step does")
    parser.add_argument("--units", type=int, default=46, help="H, likewise")
    parser.add_argument("--gpu", action="store_true", help="the Triton kernels")
    options = parser.parse_args()
    try:
        of = cells.load(options.cell), options.inputs, options.units
        print(derive.kernels(*of).text if options.gpu else derive.compiled(*of), end="")
    except ValueError as error:
        raise InputError(str(error)) from None
    except derive.Underivable as obstacle:
        raise InputError(f"the cell '{options.cell}' trains in plain torch: {obstacle}") from None


if __name__ == "__main__":
    run(main)
