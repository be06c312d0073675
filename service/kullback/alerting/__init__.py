"""From anomalies to decisions: alert states, maintenance, notices, feedback. Pure: time is an argument."""
