"""The running system: gateway, worker, store, console."""
