"""What leaves the service: metrics, alerts, notifications."""
