"""The page at `/`, to try models in."""


def page() -> str:
    """Return the page."""
    return "<!DOCTYPE html><title>tagger</title>"
