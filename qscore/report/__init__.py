"""The HTML report of a survey."""
