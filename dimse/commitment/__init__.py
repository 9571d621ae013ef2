"""Storage commitment in the words of DIMSE: data sets and commands of N-ACTION and N-EVENT-REPORT (PS3.4 annex J)."""
