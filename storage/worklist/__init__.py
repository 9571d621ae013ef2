"""The worklist of Unified Procedure Steps (PS3.4 annex CC): workitems, who claimed them, and who is told of them."""
