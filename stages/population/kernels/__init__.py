"""A trial's whole update in machine code: gathering, noise, forward, loss, backward, rescaling, RMSProp.

    row.py              the update and the score of one trial, from the parts below
    tanh lstm gru       a cell's two passes over the steps of a batch
    bernoulli gaussian_mixture     an output layer's loss and its gradient
    products.py         matrix products      elementary.py    exp, σ, tanh      noise.py    weight noise

A cell's module has SAVED, how many arrays [S, H] it keeps from the forward to the backward pass, h_t the first, and
    forward(a, saved, U, V, steps)                    a [G, S, H]: x W + b, overwritten by what the gates squash it to
    backward(a, saved, dh, U, V, dU, dV, steps)       dh [S, H]: the gradient at h_t from above, used up; a becomes δa
over the S rows of a packed batch (see row.py), with U [G, H, H], a gate's matrix each, and peepholes V [3, H].
A further cell also gets a number in row.py and its name in `engines/compiled.py`.

autograd/   the same in torch for the paper's cells: all time steps of a population in one function; any device
"""
