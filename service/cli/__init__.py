"""The `stepwedge` command, one file a subcommand."""
