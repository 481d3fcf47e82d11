"""Results: reports for the PACS, fetched or pushed."""
