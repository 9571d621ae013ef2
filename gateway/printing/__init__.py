"""Print by sending: images that are sent to an AE title of ours open the patient's share, and a sheet is printed."""
