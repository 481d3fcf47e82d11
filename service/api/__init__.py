"""The HTTP surface: translates requests to the gateway and answers back, nothing else."""
