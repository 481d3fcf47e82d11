"""The `stepwedge` command: one file for each subcommand."""
