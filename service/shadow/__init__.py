"""Beside the gateway: challengers predict in the champion's shadow, and films are kept for retraining; nobody waits for either."""
