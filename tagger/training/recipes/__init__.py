"""What is trained on the one road of `training.run`: `labelled` sentences, or an `encoder` or an `lm` on raw text."""
