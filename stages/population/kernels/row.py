"""One trial's updates and scores, from the weights in its row of the population matrix to the weights after.

Everything a trial needs is in its own row, so this is all there is to a population: threads take rows. A thread stays
with a trial for many updates, whose matrices stay in its cache; no number of one trial meets a number of another; and
since each row is computed in one order by one thread, the results are the same to the bit for any number of threads
and any company.

Sequences of a batch are packed, not padded: sorted by length, longest first, the rows of time step t are those of the
sequences that last so long, `steps[t]` to `steps[t + 1]`.
"""

from collections import namedtuple

import numpy as np
from numba import float32, int64, njit, types

from . import bernoulli, cell, gaussian_mixture, updating  # `cell`: the derived passes, laid beside this by `loading`
from .elementary import copied
from .noise import drop, normals
from .products import multiply, multiply_panels, padded, panels

BERNOULLI, GAUSSIAN_MIXTURE = range(2)  # the numbers of the output layers in a Shape
BLOCK = 64  # steps whose outputs are held at a time

# Sizes of a net: the output layer as a number; D, H, O and M (components of a mixture, else 0); the variance's floor;
# how many of the weights get noise, the first ones.
Shape = namedtuple("Shape", "output inputs units outputs components variance_floor noisy")
# A split: sequences as [N] starts and lengths of frames. Inputs and targets of zeros and ones as the numbers of the
# ones, frame f's between ends[f] and ends[f + 1]; other inputs and targets as [F, D] and [F, K], else empty.
Data = namedtuple("Data", "starts lengths inputs input_notes input_ends targets target_notes target_ends")
# A trial's weights or their gradient, every H and O padded: W [D, G·H], U [H, G·H], learned vectors V [k, H], and of
# the output layer [H, O] and [O].
Weights = namedtuple("Weights", "W U V readout bias")

inner = njit(error_model="numpy", fastmath={"contract"})


@njit(error_model="numpy", fastmath={"contract"}, nogil=True, cache=True)
def train(shape, rules, data, order, cuts, update, seed, noise, dropout, rates, numbers, weights, state):
    """Updates a trial once on each batch: weights [N] and the optimiser's state [S, N] in place.

    Batch i is the sequences order[cuts[i] : cuts[i + 1]]; `update` is the number of the first one's update, rates[i]
    the learning rate there, and numbers[i] what the optimiser needs there (`updating.py`).

    Returns:
        False if a loss or gradient was not finite; the weights are then those before that update.
    """
    S, T, B = _largest(data, order, cuts)
    perturbed, gradient = _empty(shape), _empty(shape)
    a, saved, dh, x = _activations(shape, data, S)
    frames, steps, slots, nll = np.empty(S, np.int64), np.empty(T + 1, np.int64), np.empty(B, np.int64), _floats(S)
    noisy = shape.noisy
    normal = np.zeros((noisy + 3) // 4 * 4, np.float32)
    flat = _floats(weights.size)
    seen, masks = np.empty((2, S if dropout > 0 else 0, padded(shape.units)), np.float32)
    for batch in range(cuts.size - 1):
        sequences = order[cuts[batch] : cuts[batch + 1]]
        steps_of_batch = _pack(data, sequences, slots, steps, frames)
        count = steps_of_batch[-1]
        if noise > 0:
            normals(seed, update + batch, normal)
            for i in range(noisy):
                flat[i] = weights[i] + noise * normal[i]
            copied(weights.size - noisy, flat[noisy:], weights[noisy:])
        else:
            copied(weights.size, flat, weights)
        _unpack(shape, flat, perturbed)
        _project(data, frames[:count], perturbed, a, x)
        cell.forward(a, saved, perturbed.U, perturbed.V, steps_of_batch)
        scale = float32(1 / sequences.size)
        h, gradient_h = saved[0, :count], dh[:count]
        if dropout > 0:
            h = drop(seed, update + batch, frames, dropout, shape.units, h, masks, seen)
        _losses(shape, data, frames[:count], perturbed, h, nll[:count], scale, True, gradient, gradient_h)
        if dropout > 0:
            gradient_h *= masks[:count]
        loss = nll[:count].sum() * scale
        cell.backward(a, saved, gradient_h, perturbed.U, perturbed.V, gradient.U, gradient.V, steps_of_batch)
        _input_gradient(data, frames[:count], a, x, gradient)
        _gather(shape, gradient, flat)
        if not updating.update(rules, rates[batch], numbers[batch], loss, flat, weights, state):
            return False
    return True


@njit(error_model="numpy", fastmath={"contract"}, nogil=True, cache=True)
def score(shape, data, order, cuts, weights, sums):
    """Writes each sequence's NLL, summed over its steps, into sums [N] float64; batches as in `train`, no noise."""
    S, T, B = _largest(data, order, cuts)
    clean, unused = _empty(shape), _empty(shape)
    a, saved, dh, x = _activations(shape, data, S)
    frames, steps, slots, nll = np.empty(S, np.int64), np.empty(T + 1, np.int64), np.empty(B, np.int64), _floats(S)
    _unpack(shape, weights, clean)
    for batch in range(cuts.size - 1):
        sequences = order[cuts[batch] : cuts[batch + 1]]
        steps_of_batch = _pack(data, sequences, slots, steps, frames)
        count = steps_of_batch[-1]
        _project(data, frames[:count], clean, a, x)
        cell.forward(a, saved, clean.U, clean.V, steps_of_batch)
        _losses(shape, data, frames[:count], clean, saved[0, :count], nll[:count], float32(1), False, unused, dh)
        for sequence in sequences:
            sums[sequence] = 0
        for t in range(steps_of_batch.size - 1):
            for row in range(steps_of_batch[t], steps_of_batch[t + 1]):
                sums[slots[row - steps_of_batch[t]]] += nll[row]


@inner
def _largest(data, order, cuts):
    """The most steps, the longest sequence and the most sequences of a batch."""
    S, T, B = 0, 0, 0
    for batch in range(cuts.size - 1):
        total = 0
        for sequence in order[cuts[batch] : cuts[batch + 1]]:
            total += data.lengths[sequence]
            T = max(T, data.lengths[sequence])
        S, B = max(S, total), max(B, cuts[batch + 1] - cuts[batch])
    return S, T, B


@inner
def _floats(size):
    return np.empty(size, np.float32)


@inner
def _empty(shape):
    width, outputs = padded(shape.units), padded(shape.outputs)
    return Weights(
        np.zeros((shape.inputs, cell.INPUTS * width), np.float32),
        np.zeros((shape.units, cell.RECURRENT * width), np.float32),
        np.zeros((cell.VECTORS, width), np.float32),
        np.zeros((shape.units, outputs), np.float32),
        np.full(outputs, bernoulli.SILENT if shape.output == BERNOULLI else float32(0), np.float32),
    )


@inner
def _activations(shape, data, S):
    width = padded(shape.units)
    dense = S if data.inputs.size else 0
    return (
        np.empty((S, cell.COLUMNS * width), np.float32),
        np.empty((cell.SAVED, S, width), np.float32),
        np.empty((S, width), np.float32),
        np.empty((dense, shape.inputs), np.float32),
    )


@inner
def _pack(data, sequences, slots, steps, frames):
    """Sorts a batch into slots, longest first; fills and returns `steps` up to its length, and `frames`."""
    B = sequences.size
    for i in range(B):  # insertion sort: B is small, and ties keep their order
        j = i
        while j > 0 and data.lengths[slots[j - 1]] < data.lengths[sequences[i]]:
            slots[j] = slots[j - 1]
            j -= 1
        slots[j] = sequences[i]
    T, active, row = data.lengths[slots[0]], B, int64(0)
    for t in range(T):
        steps[t] = row
        while data.lengths[slots[active - 1]] <= t:
            active -= 1
        for i in range(active):
            frames[row + i] = data.starts[slots[i]] + t
        row += active
    steps[T] = row
    return steps[: T + 1]


@inner
def _unpack(shape, flat, weights):
    """A row of the population matrix [N], its parameters in the order of `Layout`, → padded matrices."""
    _transfer(shape, flat, weights, True)


@inner
def _gather(shape, weights, flat):
    """The reverse of `_unpack`."""
    _transfer(shape, flat, weights, False)


@inner
def _transfer(shape, flat, weights, unpack):
    units, width, at = shape.units, padded(shape.units), 0
    for block in range(cell.BLOCKS.shape[0]):
        matrix, first, count = cell.BLOCKS[block]
        if matrix == 2:
            for k in range(first, first + count):
                at = _line(flat, at, weights.V[k], 0, units, unpack)
            continue
        lines = weights.W if matrix == 0 else weights.U
        for k in range(lines.shape[0]):
            for g in range(first, first + count):
                at = _line(flat, at, lines[k], g * width, units, unpack)
    for k in range(units):
        at = _line(flat, at, weights.readout[k], 0, shape.outputs, unpack)
    _line(flat, at, weights.bias, 0, shape.outputs, unpack)


@inner
def _line(flat, at, line, start, size, unpack):
    """Copies a part of a padded matrix's line from or to `flat`; returns where the next begins there."""
    own, padded = flat[at : at + size], line[start : start + size]
    if unpack:
        for i in range(size):
            padded[i] = own[i]
    else:
        for i in range(size):
            own[i] = padded[i]
    return at + size


@inner
def _project(data, frames, weights, a, x):
    """x W + b for all steps. Of inputs of zeros and ones only the rows of W that they choose are added."""
    S, columns = frames.size, weights.W.shape[1]
    bias, width = np.zeros(columns, np.float32), weights.V.shape[1]
    for g in range(cell.BIASES.size):
        if cell.BIASES[g] >= 0:
            copied(width, bias[g * width :], weights.V[cell.BIASES[g]])
    for start in range(0, S, BLOCK):  # so that a block is still in the cache when it is added to
        end = min(S, start + BLOCK)
        for s in range(start, end):
            copied(columns, a[s], bias)
        if data.inputs.size:
            for s in range(start, end):
                copied(x.shape[1], x[s], data.inputs[frames[s]])
            multiply(a[start:end, :columns], x[start:end], weights.W, True)
            continue
        for s in range(start, end):
            total = a[s, :columns]
            for at in range(data.input_ends[frames[s]], data.input_ends[frames[s] + 1]):
                row = weights.W[data.input_notes[at]]
                for j in range(row.size):
                    total[j] += row[j]


@inner
def _input_gradient(data, frames, a, x, gradient):
    """δW and the gradients of the biases from δa."""
    S, columns = frames.size, gradient.W.shape[1]
    bias, width = np.zeros(columns, np.float32), gradient.V.shape[1]
    gradient.W[:] = float32(0)
    for start in range(0, S, BLOCK):
        end = min(S, start + BLOCK)
        for s in range(start, end):
            row = a[s]
            for j in range(bias.size):
                bias[j] += row[j]
        if data.inputs.size:
            multiply(gradient.W, x[start:end].T, a[start:end, :columns], True)
            continue
        for s in range(start, end):
            row = a[s]
            for at in range(data.input_ends[frames[s]], data.input_ends[frames[s] + 1]):
                total = gradient.W[data.input_notes[at]]
                for j in range(total.size):
                    total[j] += row[j]
    for g in range(cell.BIASES.size):
        if cell.BIASES[g] >= 0:
            copied(width, gradient.V[cell.BIASES[g]], bias[g * width :])


@inner
def _losses(shape, data, frames, weights, h, nll, scale, learn, gradient, dh):
    """nll [S] of hidden states h [S, H]; if `learn` also the output layer's gradient and dh [S, H], times `scale`."""
    S = h.shape[0]
    outputs = np.empty((min(S, BLOCK), weights.bias.size), np.float32)
    readout = panels(weights.readout)
    back = panels(weights.readout[:, : shape.outputs if learn else 0].T)
    if learn:
        gradient.readout[:] = float32(0)
        gradient.bias[:] = float32(0)
    for start in range(0, S, BLOCK):
        end = min(S, start + BLOCK)
        block, hidden = outputs[: end - start], h[start:end]
        for s in range(end - start):
            copied(weights.bias.size, block[s], weights.bias)
        multiply_panels(block, hidden, readout, True)
        if shape.output == BERNOULLI:
            bernoulli.loss(block, frames[start:end], data.target_notes, data.target_ends, nll[start:end])
        else:
            gaussian_mixture.loss(
                block, frames[start:end], data.targets, shape.components, shape.variance_floor, nll[start:end]
            )
        if learn:
            for s in range(end - start):
                row = block[s]
                for k in range(row.size):
                    row[k] *= scale
                    gradient.bias[k] += row[k]
            multiply(gradient.readout, hidden.T, block, True)
            multiply_panels(dh[start:end], block, back, False)


def compile_all():
    """Compiles both functions for the one signature they are called with."""
    whole, numbers, matrix, wholes = types.int64, types.float32[::1], types.float32[:, ::1], types.int64[::1]
    notes = types.int32[::1]
    shape = types.NamedTuple([whole] * 5 + [types.float32, whole], Shape)
    data = types.NamedTuple([wholes, wholes, matrix, notes, wholes, matrix, notes, wholes], Data)
    of_trial = whole, types.float32, types.float32
    train.compile(
        (shape, updating.RULES_TYPE, data, wholes, wholes, whole, *of_trial, numbers, matrix, numbers, matrix)
    )
    score.compile((shape, data, wholes, wholes, numbers, types.float64[::1]))
