"""Strings in, strings out: schemes, files, tokens, counts. Nothing here imports torch."""
