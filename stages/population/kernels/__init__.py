"""A trial's whole update in machine code: gathering, noise, forward, loss, backward, rescaling, RMSProp.

    row.py              the update and the score of one trial, from the parts below and a cell's passes
    bernoulli gaussian_mixture     an output layer's loss and its gradient
    products.py         matrix products      elementary.py    exp, σ, tanh, loops      noise.py    weight noise
    loading.py          compiles `row` for one cell, and keeps what is compiled

A cell's passes are derived from its `step` (`recurrent/derive`), one module a cell, `cell` in `row.py`: sizes and
    forward(a, saved, U, V, steps)                    a [S, G·H]: x W + b, overwritten by what the gates squash it to
    backward(a, saved, dh, U, V, dU, dV, steps)       dh [S, H]: the gradient at h_t from above, used up; a becomes δa
over the S rows of a packed batch (see row.py), with gates side by side in U [H, G·H] and learned vectors V [k, H].
"""
