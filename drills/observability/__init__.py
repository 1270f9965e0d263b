"""What observing costs, and a picture of the dashboards."""
