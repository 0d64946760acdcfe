"""A trained model at work, in numpy alone: texts or tokens in, labels and their probabilities out."""
