"""The version of the package: what a model's card and `--version` say."""

__version__ = "0.1.0"
