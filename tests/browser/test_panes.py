"""Several panes on a page: one gets the keys, the others follow in place, view and window when they are joined."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site, Visits
from tests.browser.stage import wait_for
from tests.browser.unit import run

# Two panes of the page's own series, the second from a copy of the section; `shift` moves its frame of reference.
_PANES = """
  const { Pane } = await import("/static/js/viewer/pane.js");
  const section = document.querySelector("#viewer");
  const make = async (index) => {
    const copy = section.cloneNode(true);
    copy.dataset.index = String(index);
    for (const part of copy.querySelectorAll("canvas, svg.layer")) {
      part.remove();
    }
    section.after(copy);
    const pane = new Pane(copy);
    await pane.start();
    return pane;
  };
  const [one, other] = [await make(5), await make(9)];
  const panes = new it.Panes();
  panes.add(one);
  panes.add(other);
  const apart = (shift) => {
    for (let at = 0; at < other.stack.total; at++) {
      const plane = other.source.plane(at);
      plane.frameOfReference = "1.2.3";
      plane.position = [plane.position[0], plane.position[1], plane.position[2] + shift];
    }
  };
"""


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, quality="full")
    return page


def _run(page: Page, script: str) -> Any:
    return run(page, "viewer/panes.js", _PANES + script)


def test_one_is_active(page: Page) -> None:
    found = _run(
        page,
        """
        const before = [one.active, other.active];
        other.section.dispatchEvent(new Event("pointerdown"));
        const after = [one.active, other.active];
        panes.remove(other);
        return [before, after, [one.active, other.active]];
        """,
    )
    assert found == [[True, False], [False, True], [True, False]]


def test_the_same_place_in_one_frame_of_reference(page: Page) -> None:
    found = _run(
        page,
        """
        await panes.link({ position: true });
        const joined = other.stack.index;
        one.stack.show(12);
        other.stack.show(3);
        return [joined, one.stack.index, other.stack.index];
        """,
    )
    assert found == [4, 12, 3], "who follows does not lead"


def test_as_far_as_the_other_has_gone_in_two_frames_of_reference(page: Page) -> None:
    script = "apart(500); await panes.link({ position: true }); one.stack.show(7); return other.stack.index;"
    assert _run(page, script) == 8 + (7 - 4)


def test_as_large_a_part_where_nothing_says_where(page: Page) -> None:
    script = """
      for (let at = 0; at < other.stack.total; at++) { other.source.planes.set(at, null); }
      await panes.link({ position: true });
      one.stack.show(1);
      return other.stack.index;
    """
    assert _run(page, script) == 8 + (1 - 4)


def test_view_and_window_only_when_joined(page: Page) -> None:
    script = """
      const window = { center: 10, width: 20, shape: "LINEAR" };
      one.view.zoomBy(2);
      one.stack.setWindow(window);
      const before = [other.view.zoom, other.stack.window];
      await panes.link({ view: true, window: true });
      one.view.zoomBy(2);
      return [before, [other.view.zoom, other.stack.window.width]];
    """
    assert _run(page, script) == [[1, None], [4, 20]]
