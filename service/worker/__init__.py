"""The clock path: tally, measure, judge, export, remedy. Knows no request."""
