"""The request path: admit, decode, deidentify, predict, record. Knows no HTTP."""
