"""What playwright cannot do in Debian's Firefox, through WebDriver BiDi: what `make firefox` therefore skips."""

from typing import Final

_DEBUGGER: Final = "needs Chromium's debugger: fingers and dropped folders come from there"

LACKS: Final[dict[str, str]] = {
    "test_a_disc_is_dropped_whole": _DEBUGGER,
    "test_by_touch_and_two_fingers_still_zoom": _DEBUGGER,
    "test_angles": "needs points between whole pixels of the screen, and BiDi rounds",
    "test_without_script_a_form_sends_files": "needs a window without scripts; test_firefox.py has one",
    "test_windows_by_numbers_and_by_name": "fills fields in without typing, of which Firefox tells no change at Enter",
}
"""Why, by the name of the test."""
