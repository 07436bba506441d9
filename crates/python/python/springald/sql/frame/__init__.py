"""The parts of `DataFrame`, by topic."""
