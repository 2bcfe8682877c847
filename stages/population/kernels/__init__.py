"""Fast paths of the paper's cells. A cell without one trains all the same, from its plain `step`.

autograd/   torch: all time steps of a population in one function with its own backward pass; any device
compiled/   Numba: a trial's whole update, one trial a thread; the CPU's
"""
