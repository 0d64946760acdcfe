"""What tagger is measured by: a script a measurement, and the command that keeps `RESULTS.md` up to date."""
