"""Strings in, strings out: files, tag schemes, sentences, tokens, formats. Nothing here imports torch."""
