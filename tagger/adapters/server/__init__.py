"""The server: a model behind an address."""
