"""The peephole LSTM over all steps of a batch of one trial; equations in `cells/lstm.py`.

Backward, with δ the gradient at a quantity before its squashing function:
    δo = δh ⊙ tanh(c) ⊙ o(1−o);   δc += δh ⊙ o ⊙ (1 − tanh²(c)) + δo ⊙ V_o
    δi = δc ⊙ c̃ ⊙ i(1−i);   δf = δc ⊙ c_{t−1} ⊙ f(1−f);   δc̃ = δc ⊙ i ⊙ (1 − c̃²)
    δc_{t−1} = δc ⊙ f + δi ⊙ V_i + δf ⊙ V_f;   δh_{t−1} = δi U_iᵀ + δf U_fᵀ + δc̃ U_cᵀ + δo U_oᵀ
"""

import numpy as np
from numba import float32, njit

from stages.population.kernels.elementary import sigmoid, tanh
from stages.population.kernels.products import multiply, transposed

SAVED = 5  # h_t, h_{t−1}, c_t, c_{t−1}, tanh(c_t)


@njit(error_model="numpy", fastmath={"contract"})
def forward(a, saved, U, V, steps):
    h, before, c, c_before, squashed = saved[0], saved[1], saved[2], saved[3], saved[4]
    for t in range(steps.size - 1):
        now, end = steps[t], steps[t + 1]
        if t > 0:
            last = steps[t - 1]
            before[now:end] = h[last : last + end - now]
            c_before[now:end] = c[last : last + end - now]
            for gate in range(4):
                multiply(a[gate, now:end], before[now:end], U[gate], True)
        else:
            before[now:end] = float32(0)
            c_before[now:end] = float32(0)
        peep_i, peep_f, peep_o = V[0], V[1], V[2]
        for row in range(now, end):
            input_gate, forget_gate, candidate, output_gate = a[0, row], a[1, row], a[2, row], a[3, row]
            old, memory, tanh_c, hidden = c_before[row], c[row], squashed[row], h[row]
            for j in range(old.size):
                i = sigmoid(input_gate[j] + peep_i[j] * old[j])
                f = sigmoid(forget_gate[j] + peep_f[j] * old[j])
                new = tanh(candidate[j])
                input_gate[j], forget_gate[j], candidate[j] = i, f, new
                memory[j] = f * old[j] + i * new
            for j in range(old.size):
                o = sigmoid(output_gate[j] + peep_o[j] * memory[j])
                output_gate[j] = o
                tanh_c[j] = tanh(memory[j])
                hidden[j] = o * tanh_c[j]


@njit(error_model="numpy", fastmath={"contract"})
def backward(a, saved, dh, U, V, dU, dV, steps):
    before, c, c_before, squashed = saved[1], saved[2], saved[3], saved[4]
    units = U.shape[1]
    U_i, U_f = transposed(U[0], units), transposed(U[1], units)
    U_c, U_o = transposed(U[2], units), transposed(U[3], units)
    dc = np.zeros((steps[1], dh.shape[1]), np.float32)
    dV[:] = float32(0)
    peep_i, peep_f, peep_o = V[0], V[1], V[2]
    d_peep_i, d_peep_f, d_peep_o = dV[0], dV[1], dV[2]
    for t in range(steps.size - 2, -1, -1):
        now, end = steps[t], steps[t + 1]
        for row in range(now, end):
            input_gate, forget_gate, candidate, output_gate = a[0, row], a[1, row], a[2, row], a[3, row]
            memory, old, tanh_c, d, carry = c[row], c_before[row], squashed[row], dh[row], dc[row - now]
            for j in range(old.size):
                i, f, new, o = input_gate[j], forget_gate[j], candidate[j], output_gate[j]
                d_o = d[j] * tanh_c[j] * o * (float32(1) - o)
                d_c = carry[j] + d[j] * o * (float32(1) - tanh_c[j] * tanh_c[j]) + d_o * peep_o[j]
                d_i = d_c * new * i * (float32(1) - i)
                d_f = d_c * old[j] * f * (float32(1) - f)
                carry[j] = d_c * f + d_i * peep_i[j] + d_f * peep_f[j]
                input_gate[j], forget_gate[j], output_gate[j] = d_i, d_f, d_o
                candidate[j] = d_c * i * (float32(1) - new * new)
            for j in range(old.size):
                d_peep_i[j] += input_gate[j] * old[j]
                d_peep_f[j] += forget_gate[j] * old[j]
                d_peep_o[j] += output_gate[j] * memory[j]
        if t > 0:
            previous = dh[steps[t - 1] : steps[t - 1] + end - now]
            multiply(previous, a[0, now:end], U_i, True)
            multiply(previous, a[1, now:end], U_f, True)
            multiply(previous, a[2, now:end], U_c, True)
            multiply(previous, a[3, now:end], U_o, True)
    count = steps[-1]
    for gate in range(4):
        multiply(dU[gate], before.T, a[gate, :count], False)
