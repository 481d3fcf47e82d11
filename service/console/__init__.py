"""The console: pages for people, drawn by the server."""
