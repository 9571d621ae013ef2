"""The Retrieve transaction for what is kept: WADO-RS and WADO-URI (PS3.18 10.4 and chapter 9)."""
