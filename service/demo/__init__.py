"""Synthetic films, a small model and a stream in which something really drifts.

The door is one call, made by `stepwedge up --demo` and `stepwedge demo`:

    service.demo.story.run(settings, database_url=..., address="http://127.0.0.1:8000", echo=typer.echo) -> Report

It expects a migrated database and a gateway with STEPWEDGE_REPLAY_CLOCK=true at `address`; it registers its own model package,
waits for /readyz, streams, runs the worker's passes in this process and prints through `echo`. It starts and stops nothing.
"""
