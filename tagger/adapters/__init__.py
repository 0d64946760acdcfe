"""Other people's programs, one file each, each an extra."""
