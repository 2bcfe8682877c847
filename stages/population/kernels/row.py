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

from stages.population.kernels import bernoulli, gaussian_mixture, gru, lstm, tanh
from stages.population.kernels.noise import normals
from stages.population.kernels.products import multiply, padded, transposed

TANH, LSTM, GRU = range(3)  # the numbers of the cells and output layers in a Shape
BERNOULLI, GAUSSIAN_MIXTURE = range(2)
GATES = np.array([1, 4, 3])
SAVED = np.array([tanh.SAVED, lstm.SAVED, gru.SAVED])
BLOCK = 64  # steps whose outputs are held at a time

# Sizes of a net: cell and output as numbers; D, H, O and M (components of a mixture, else 0); the variance's floor.
Shape = namedtuple("Shape", "cell output inputs units outputs components variance_floor")
# The protocol's numbers for an update.
Rules = namedtuple("Rules", "noise norm decay floor momentum")
# A split: sequences as [N] starts and lengths of frames. Inputs and targets of zeros and ones as the numbers of the
# ones, frame f's between ends[f] and ends[f + 1]; other inputs and targets as [F, D] and [F, K], else empty.
Data = namedtuple("Data", "starts lengths inputs input_notes input_ends targets target_notes target_ends")
# A trial's weights or their gradient, columns padded: W [G, D, H], U [G, H, H], V [3, H] (of an LSTM), b [G, H], and of
# the output layer [H, O] and [O].
Weights = namedtuple("Weights", "W U V b readout bias")

inner = njit(error_model="numpy", fastmath={"contract"})


@njit(error_model="numpy", fastmath={"contract"}, nogil=True, cache=True)
def train(shape, rules, data, order, cuts, update, seed, rate, weights, square, velocity):
    """Updates a trial once on each batch: weights, square and velocity [N] in place, as `rmsprop.py` says.

    Batch i is the sequences order[cuts[i] : cuts[i + 1]]; `update` is the number of the first one's update.

    Returns:
        False if a loss or gradient was not finite; the weights are then those before that update.
    """
    S, T, B = _largest(data, order, cuts)
    perturbed, gradient = _empty(shape), _empty(shape)
    a, saved, dh, x = _activations(shape, data, S)
    frames, steps, slots, nll = np.empty(S, np.int64), np.empty(T + 1, np.int64), np.empty(B, np.int64), _floats(S)
    matrices = (shape.inputs + shape.units) * GATES[shape.cell] * shape.units
    noise = np.zeros((matrices + 3) // 4 * 4, np.float32)
    flat = _floats(weights.size)
    for batch in range(cuts.size - 1):
        sequences = order[cuts[batch] : cuts[batch + 1]]
        steps_of_batch = _pack(data, sequences, slots, steps, frames)
        count = steps_of_batch[-1]
        if rules.noise > 0:
            normals(seed, update + batch, noise)
            for i in range(matrices):
                flat[i] = weights[i] + rules.noise * noise[i]
            flat[matrices:] = weights[matrices:]
        else:
            flat[:] = weights
        _unpack(shape, flat, perturbed)
        _project(shape, data, frames[:count], perturbed, a, x)
        _forward(shape, a, saved, perturbed, steps_of_batch)
        scale = float32(1 / sequences.size)
        h, gradient_h = saved[0, :count], dh[:count]
        _losses(shape, data, frames[:count], perturbed, h, nll[:count], scale, True, gradient, gradient_h)
        loss = nll[:count].sum() * scale
        _backward(shape, a, saved, gradient_h, perturbed, gradient, steps_of_batch)
        _input_gradient(shape, data, frames[:count], a, x, gradient)
        _gather(shape, gradient, flat)
        norm = _norm(flat)
        if not (np.isfinite(norm) and np.isfinite(loss)):
            return False
        factor = float32(rules.norm / norm) if norm > rules.norm else float32(1)
        _rmsprop(rules, rate, factor, flat, weights, square, velocity)
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
        _project(shape, data, frames[:count], clean, a, x)
        _forward(shape, a, saved, clean, steps_of_batch)
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
        lengths = data.lengths[order[cuts[batch] : cuts[batch + 1]]]
        S, T, B = max(S, lengths.sum()), max(T, lengths.max()), max(B, lengths.size)
    return S, T, B


@inner
def _floats(size):
    return np.empty(size, np.float32)


@inner
def _empty(shape):
    G, D, H = GATES[shape.cell], shape.inputs, shape.units
    width, outputs = padded(H), padded(shape.outputs)
    return Weights(
        np.zeros((G, D, width), np.float32),
        np.zeros((G, H, width), np.float32),
        np.zeros((3 if shape.cell == LSTM else 0, width), np.float32),
        np.zeros((G, width), np.float32),
        np.zeros((H, outputs), np.float32),
        np.full(outputs, bernoulli.SILENT if shape.output == BERNOULLI else float32(0), np.float32),
    )


@inner
def _activations(shape, data, S):
    width = padded(shape.units)
    dense = S if data.inputs.size else 0
    return (
        np.empty((GATES[shape.cell], S, width), np.float32),
        np.empty((SAVED[shape.cell], S, width), np.float32),
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
    gates, units, outputs = GATES[shape.cell], shape.units, shape.outputs
    at = 0
    for k in range(shape.inputs):
        for g in range(gates):
            at = _line(flat, at, weights.W[g, k], units, unpack)
    for k in range(units):
        for g in range(gates):
            at = _line(flat, at, weights.U[g, k], units, unpack)
    for peephole in range(weights.V.shape[0]):
        at = _line(flat, at, weights.V[peephole], units, unpack)
    for g in range(gates):
        at = _line(flat, at, weights.b[g], units, unpack)
    for k in range(units):
        at = _line(flat, at, weights.readout[k], outputs, unpack)
    _line(flat, at, weights.bias, outputs, unpack)


@inner
def _line(flat, at, line, size, unpack):
    """Copies one line of a padded matrix from or to `flat`; returns where the next begins there."""
    for i in range(size):
        if unpack:
            line[i] = flat[at + i]
        else:
            flat[at + i] = line[i]
    return at + size


@inner
def _project(shape, data, frames, weights, a, x):
    """a[g] = b_g + x W_g for all steps. Of inputs of zeros and ones only the rows of W that they choose are added."""
    S = frames.size
    for g in range(GATES[shape.cell]):
        for s in range(S):
            a[g, s] = weights.b[g]
    if data.inputs.size:
        for s in range(S):
            x[s] = data.inputs[frames[s]]
        for g in range(GATES[shape.cell]):
            multiply(a[g, :S], x, weights.W[g], True)
        return
    for s in range(S):
        for at in range(data.input_ends[frames[s]], data.input_ends[frames[s] + 1]):
            note = data.input_notes[at]
            for g in range(GATES[shape.cell]):
                total, row = a[g, s], weights.W[g, note]
                for j in range(total.size):
                    total[j] += row[j]


@inner
def _input_gradient(shape, data, frames, a, x, gradient):
    """δW and δb from δa."""
    S = frames.size
    gradient.b[:] = float32(0)
    for g in range(GATES[shape.cell]):
        total = gradient.b[g]
        for s in range(S):
            row = a[g, s]
            for j in range(total.size):
                total[j] += row[j]
    if data.inputs.size:
        for g in range(GATES[shape.cell]):
            multiply(gradient.W[g], x.T, a[g, :S], False)
        return
    gradient.W[:] = float32(0)
    for s in range(S):
        for at in range(data.input_ends[frames[s]], data.input_ends[frames[s] + 1]):
            note = data.input_notes[at]
            for g in range(GATES[shape.cell]):
                total, row = gradient.W[g, note], a[g, s]
                for j in range(total.size):
                    total[j] += row[j]


@inner
def _forward(shape, a, saved, weights, steps):
    if shape.cell == TANH:
        tanh.forward(a, saved, weights.U, weights.V, steps)
    elif shape.cell == LSTM:
        lstm.forward(a, saved, weights.U, weights.V, steps)
    else:
        gru.forward(a, saved, weights.U, weights.V, steps)


@inner
def _backward(shape, a, saved, dh, weights, gradient, steps):
    """δh [S, H] → δU, δV; a becomes δa, dh is used up."""
    if shape.cell == TANH:
        tanh.backward(a, saved, dh, weights.U, weights.V, gradient.U, gradient.V, steps)
    elif shape.cell == LSTM:
        lstm.backward(a, saved, dh, weights.U, weights.V, gradient.U, gradient.V, steps)
    else:
        gru.backward(a, saved, dh, weights.U, weights.V, gradient.U, gradient.V, steps)


@inner
def _losses(shape, data, frames, weights, h, nll, scale, learn, gradient, dh):
    """nll [S] of hidden states h [S, H]; if `learn` also the output layer's gradient and dh [S, H], times `scale`."""
    S = h.shape[0]
    outputs = np.empty((min(S, BLOCK), weights.bias.size), np.float32)
    if learn:
        back = transposed(weights.readout, shape.outputs)
        gradient.readout[:] = float32(0)
        gradient.bias[:] = float32(0)
    for start in range(0, S, BLOCK):
        end = min(S, start + BLOCK)
        block, hidden = outputs[: end - start], h[start:end]
        for s in range(end - start):
            block[s] = weights.bias
        multiply(block, hidden, weights.readout, True)
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
            multiply(dh[start:end], block, back, False)


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def _norm(gradient):
    """The Euclidean norm, in float64: a wide tanh net's gradient can have squares beyond float32."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) * np.float64(gradient[i])
    return np.sqrt(total)


@inner
def _rmsprop(rules, rate, factor, gradient, weights, square, velocity):
    for i in range(weights.size):
        g = gradient[i] * factor
        square[i] = rules.decay * square[i] + (float32(1) - rules.decay) * (g * g)
        root = np.sqrt(square[i])
        velocity[i] = rules.momentum * velocity[i] - rate * g / (root if root > rules.floor else rules.floor)
        weights[i] += velocity[i]


def compile_all():
    """Compiles both functions for the one signature they are called with."""
    whole, numbers, matrix, wholes = types.int64, types.float32[::1], types.float32[:, ::1], types.int64[::1]
    notes = types.int32[::1]
    shape = types.NamedTuple([whole] * 6 + [types.float32], Shape)
    rules = types.NamedUniTuple(types.float32, 5, Rules)
    data = types.NamedTuple([wholes, wholes, matrix, notes, wholes, matrix, notes, wholes], Data)
    train.compile((shape, rules, data, wholes, wholes, whole, whole, types.float32, numbers, numbers, numbers))
    score.compile((shape, data, wholes, wholes, numbers, types.float64[::1]))
