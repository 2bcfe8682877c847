"""The GRU, its reset before the product, over all steps of a batch of one trial; equations in `cells/gru.py`.

Backward, with δ the gradient at a quantity before its squashing function:
    δh̃ = δh ⊙ z ⊙ (1 − h̃²);   δ(r⊙h) = δh̃ U_hᵀ
    δz = δh ⊙ (h̃ − h_{t−1}) ⊙ z(1−z);   δr = δ(r⊙h) ⊙ h_{t−1} ⊙ r(1−r)
    δh_{t−1} = δh ⊙ (1 − z) + δ(r⊙h) ⊙ r + δz U_zᵀ + δr U_rᵀ
"""

import numpy as np
from numba import float32, njit

from stages.population.kernels.elementary import sigmoid, tanh
from stages.population.kernels.products import multiply, transposed

SAVED = 3  # h_t, h_{t−1}, r_t ⊙ h_{t−1}


@njit(error_model="numpy", fastmath={"contract"})
def forward(a, saved, U, V, steps):
    h, before, reset = saved[0], saved[1], saved[2]
    for t in range(steps.size - 1):
        now, end = steps[t], steps[t + 1]
        if t > 0:
            before[now:end] = h[steps[t - 1] : steps[t - 1] + end - now]
            multiply(a[0, now:end], before[now:end], U[0], True)
            multiply(a[1, now:end], before[now:end], U[1], True)
        else:
            before[now:end] = float32(0)
        z, r, candidate = a[0, now:end].reshape(-1), a[1, now:end].reshape(-1), a[2, now:end].reshape(-1)
        old, new, kept = before[now:end].reshape(-1), h[now:end].reshape(-1), reset[now:end].reshape(-1)
        for i in range(z.size):
            z[i] = sigmoid(z[i])
        for i in range(z.size):
            r[i] = sigmoid(r[i])
            kept[i] = r[i] * old[i]
        if t > 0:
            multiply(a[2, now:end], reset[now:end], U[2], True)
        for i in range(z.size):
            candidate[i] = tanh(candidate[i])
            new[i] = old[i] + z[i] * (candidate[i] - old[i])


@njit(error_model="numpy", fastmath={"contract"})
def backward(a, saved, dh, U, V, dU, dV, steps):
    before, reset = saved[1], saved[2]
    units = U.shape[1]
    U_z, U_r, U_h = transposed(U[0], units), transposed(U[1], units), transposed(U[2], units)
    d_reset = np.empty((steps[1], dh.shape[1]), np.float32)
    for t in range(steps.size - 2, -1, -1):
        now, end = steps[t], steps[t + 1]
        z, r, candidate = a[0, now:end].reshape(-1), a[1, now:end].reshape(-1), a[2, now:end].reshape(-1)
        old, d, d_kept = before[now:end].reshape(-1), dh[now:end].reshape(-1), d_reset[: end - now].reshape(-1)
        for i in range(z.size):
            squashed, gate, gradient = candidate[i], z[i], d[i]
            candidate[i] = gradient * gate * (float32(1) - squashed * squashed)
            z[i] = gradient * (squashed - old[i]) * gate * (float32(1) - gate)
            d[i] = gradient * (float32(1) - gate)  # the part of δh_{t−1} that passes the gate
        if t == 0:  # h_0 = 0: no gradient at r
            r[:] = float32(0)
            continue
        multiply(d_reset[: end - now], a[2, now:end], U_h, False)
        previous = dh[steps[t - 1] : steps[t - 1] + end - now]
        d_old = previous.reshape(-1)
        for i in range(z.size):
            gate = r[i]
            d_old[i] += d[i] + d_kept[i] * gate
            r[i] = d_kept[i] * old[i] * gate * (float32(1) - gate)
        multiply(previous, a[0, now:end], U_z, True)
        multiply(previous, a[1, now:end], U_r, True)
    count = steps[-1]
    multiply(dU[0], before.T, a[0, :count], False)
    multiply(dU[1], before.T, a[1, :count], False)
    multiply(dU[2], reset.T, a[2, :count], False)
