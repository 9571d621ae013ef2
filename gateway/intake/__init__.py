"""What patients and referrers send in: links that only write, transfers that resume, quarantine until staff accept."""
