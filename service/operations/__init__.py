"""What the operators of the service see: health, metrics, request ids and traces, but no patient data."""
