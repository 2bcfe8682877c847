"""The tanh unit over all steps of a batch of one trial; equations in `cells/tanh.py`.

Backward: δa_t = δh_t ⊙ (1 − h_t²); δh_{t−1} += δa_t Uᵀ; δU = Σ_t h_{t−1}ᵀ δa_t.
"""

from numba import float32, njit

from stages.population.kernels.elementary import tanh
from stages.population.kernels.products import multiply, transposed

SAVED = 2  # h_t, h_{t−1}


@njit(error_model="numpy", fastmath={"contract"})
def forward(a, saved, U, V, steps):
    h, before = saved[0], saved[1]
    for t in range(steps.size - 1):
        now, end = steps[t], steps[t + 1]
        if t > 0:
            before[now:end] = h[steps[t - 1] : steps[t - 1] + end - now]
            multiply(a[0, now:end], before[now:end], U[0], True)
        else:
            before[now:end] = float32(0)
        x, y = a[0, now:end].reshape(-1), h[now:end].reshape(-1)
        for i in range(x.size):
            y[i] = tanh(x[i])


@njit(error_model="numpy", fastmath={"contract"})
def backward(a, saved, dh, U, V, dU, dV, steps):
    h, before = saved[0], saved[1]
    U_transposed = transposed(U[0], U.shape[1])
    for t in range(steps.size - 2, -1, -1):
        now, end = steps[t], steps[t + 1]
        x, y, d = a[0, now:end].reshape(-1), h[now:end].reshape(-1), dh[now:end].reshape(-1)
        for i in range(x.size):
            x[i] = d[i] * (float32(1) - y[i] * y[i])
        if t > 0:
            multiply(dh[steps[t - 1] : steps[t - 1] + end - now], a[0, now:end], U_transposed, True)
    count = steps[-1]
    multiply(dU[0], before.T, a[0, :count], False)
