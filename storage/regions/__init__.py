"""Regions that somebody has drawn for others: the segments of a Segmentation, the ROIs of an RT Structure Set."""
