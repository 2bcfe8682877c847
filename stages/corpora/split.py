"""A prepared split: what `prepare` writes as train.npz, valid.npz and test.npz, and training and evaluation read.

Sequences lie one after another without padding: sequence n is rows `offsets[n]` to `offsets[n + 1]`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.plumbing.errors import InputError
from stages.plumbing.files import whole
from stages.plumbing.parameters import shortened

SPLITS = ("train", "valid", "test")
MAX_BYTES = 2**34  # of a split unpacked
DTYPES = {"bernoulli": np.dtype(np.uint8), "gaussian_mixture": np.dtype(np.float32)}


@dataclass(frozen=True)
class Split:
    """N sequences of together F scored steps; at each step the net sees D numbers and predicts K.

    Attributes:
        inputs: [F, D] uint8, the frame at t (bernoulli), or float32, a window of samples (gaussian_mixture).
        targets: [F, K] of the same type, the frame at t + 1, or the samples that follow the window.
        lengths: [N] int64, scored steps of each sequence, at least 1, summing to F. A piece of T frames has T − 1.
        names: [N] unicode, a piece's or a recording's name.
        output: the output layer that fits the targets: `bernoulli` (0 or 1) or `gaussian_mixture` (standardised).
    """

    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray
    names: np.ndarray
    output: str

    @property
    def offsets(self) -> np.ndarray:
        """[N + 1] int64: the row where each sequence starts, and F."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths)])

    def save(self, path: str | Path) -> None:
        """Writes the split, whole or not at all; equal splits give equal bytes.

        Raises:
            InputError: the arrays break the rules above, or the file cannot be written.
        """
        self._check(path)
        arrays = {"inputs": self.inputs, "targets": self.targets, "lengths": self.lengths, "names": self.names}
        with whole(path) as temporary:
            np.savez_compressed(temporary, output=np.array(self.output), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Reads a split and checks all that the attributes promise; nothing is ever unpickled.

        Raises:
            InputError: the file is missing, damaged, would unpack to more than MAX_BYTES, or breaks the rules above;
                the message names file and array.
        """
        try:
            with open(path, "rb") as opened:
                file = np.load(opened, allow_pickle=False)
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise ValueError("a single array instead of an .npz archive")
                expected = {"inputs", "targets", "lengths", "names", "output"}
                if set(file.files) != expected:
                    found = shortened(", ".join(sorted(file.files)), 200) or "nothing"
                    raise InputError(f"{path}: expected the arrays {', '.join(sorted(expected))}, found {found}")
                claimed = sum(member.file_size for member in file.zip.infolist())  # no more is unpacked of a member
                if claimed > MAX_BYTES:
                    raise ValueError(f"it claims to unpack to {claimed} bytes, more than {MAX_BYTES}")
                arrays = {name: file[name] for name in expected}
                if not all(isinstance(array, np.ndarray) for array in arrays.values()):  # numpy gives what it is not
                    raise ValueError("a member is no array")
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; `python -m stages.prepare --dataset NAME` writes it") from None
        except InputError:
            raise
        except Exception as error:  # a damaged header breaks numpy's reader in many ways
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{path}: not a readable prepared split ({said}); prepare the dataset again") from None
        output = arrays.pop("output")
        if output.shape != () or output.dtype.kind != "U":
            raise InputError(f"{path}: output: expected one word, found {output.dtype} of shape {output.shape}")
        split = cls(output=str(output), **arrays)
        split._check(path)
        return split

    def _check(self, path: str | Path) -> None:
        """Raises InputError where an array breaks the promise of the class."""

        def require(holds: bool, name: str, expected: str, found: object) -> None:
            if not holds:
                raise InputError(f"{path}: {name}: expected {expected}, found {shortened(str(found))}")

        require(self.output in DTYPES, "output", f"one of {', '.join(DTYPES)}", self.output)
        dtype = DTYPES[self.output]
        size = self.inputs.nbytes + self.targets.nbytes
        require(size < MAX_BYTES, "inputs", f"with targets less than {MAX_BYTES} bytes", size)
        for name in ("inputs", "targets"):
            array = getattr(self, name)
            require(array.dtype == dtype, name, f"{dtype}", array.dtype)
            require(array.ndim == 2 and array.shape[1] > 0, name, "two axes, [steps, numbers]", f"shape {array.shape}")
            if dtype.kind == "f":
                require(bool(np.isfinite(array).all()), name, "finite numbers", "NaN or infinity")
            else:
                require(array.size == 0 or int(array.max()) <= 1, name, "zeros and ones", f"{array.max(initial=0)}")
        require(self.lengths.dtype == np.int64, "lengths", "int64", self.lengths.dtype)
        require(self.lengths.ndim == 1 and len(self.lengths) > 0, "lengths", "at least one sequence", "none")
        require(int(self.lengths.min()) >= 1, "lengths", "at least 1 step a sequence", self.lengths.min())
        steps = sum(self.lengths.tolist())  # whole numbers of any size: a damaged file's sum could overflow
        for name in ("inputs", "targets"):
            found = len(getattr(self, name))
            require(found == steps, name, f"{steps} rows, the sum of lengths", found)
        require(self.names.dtype.kind == "U", "names", "text", self.names.dtype)
        require(
            self.names.shape == self.lengths.shape, "names", f"{len(self.lengths)} names", f"shape {self.names.shape}"
        )
