"""The rows of the dashboards, one file each, named by the question they answer."""
