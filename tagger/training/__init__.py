"""Gradient steps: one road for labellers, and for encoders and language models that learn from raw text.

data, stream   corpora read and split; raw text in chunks
start          what the training of a labeller starts from; pretrained: an encoder of raw text
clustering     raw text to classes of words, by brown's merging; no gradient, and no PyTorch
recipe         what the road asks of whatever is trained; recipes/ answer: labelled, encoder, lm
run            one whole run: `run.train(recipe, directory)` yields facts; output: where it trains, what it replaces
loop           the steps and epochs of a run; state: what is saved of it, and resumed to the same bits
workers/       the gradients of a round, taken side by side by several processes; launch: by torchrun's
objective      what is minimised of a labeller; margin: what mistakes cost
calibration    the numbers that no gradient moves, fitted on dev
optimizer      Adam with row-sparse tables and a moving average
repeat         several seeds; rehearsal: a run tried out
card, curves/, history   what a run tells of itself in its directory (`runtime.directory`)
"""
