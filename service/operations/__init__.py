"""What operations see of the service: health, metrics, request ids, traces, and nothing of a patient."""
