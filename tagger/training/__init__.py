"""Gradient steps: the loop, checkpoints, evaluation, pretraining."""
