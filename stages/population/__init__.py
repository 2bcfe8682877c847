"""How nets are trained: a population of trials in one matrix, one row per trial.

Knows nothing of music or speech: a dataset is arrays of inputs, targets and lengths, and an output layer's name.
"""
