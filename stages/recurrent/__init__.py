"""What a recurrent net is: cells, output layers, and how many units a parameter budget buys.

Knows nothing of music, speech or training.
"""
