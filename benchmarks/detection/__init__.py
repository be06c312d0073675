"""How well Kullback detects: false alarms, delays, incidents and NAB, beside other detectors."""
