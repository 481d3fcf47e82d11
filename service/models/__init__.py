"""Model packages: manifest, loading, registry."""
