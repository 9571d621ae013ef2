"""The Worklist service: UPS-RS (PS3.18 chapter 11) and its notifications (8.10)."""
