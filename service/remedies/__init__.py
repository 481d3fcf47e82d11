"""What is done about a true alarm: evidence, a person, a fit or a retraining, a new version, a way back."""
