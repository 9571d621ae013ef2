"""How long studies stay, and how they go for good."""
