"""The one path of a request: admit, log, score, alert, answer."""
