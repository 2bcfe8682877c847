"""Trainings on as many machines as there are. It decides where and when one runs, and can change no number."""
