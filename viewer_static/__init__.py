"""What browsers load: plain ES modules, styles and texts. Nothing here is Python but this line."""
