"""The built-in trainer: from a manifest of cases and the champion's weights to a package that may challenge it. An example that works, and no more."""
