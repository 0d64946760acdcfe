"""The gradients of a round of tasks, taken side by side by several processes."""
