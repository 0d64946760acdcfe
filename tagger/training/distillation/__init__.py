"""Learning from teachers: what they believe of raw text, kept in files, and read again while a student learns."""
