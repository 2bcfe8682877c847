"""How fast training is: the population beside what a user would write with torch.nn, in one run on one machine."""
