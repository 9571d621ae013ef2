"""An invented patient: anatomy computed from formulas, for demonstrations and tests without anybody's images."""
