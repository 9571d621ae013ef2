"""Storage commitment (PS3.4 annex J, PS3.18 chapter 13): what was asked, what is on the disk, what is still owed."""
