"""How long the studies of a house stay, by its configuration and by what is still owed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dimse.scu.trouble import Trouble, TroubleKind
from gateway.config import Config
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rules import Selection
from gateway.house import build
from gateway.retention.needs import KeptStudy
from gateway.retention.service import period_of
from gateway.sections import RetentionConfig
from storage.scope import PatientIdentity


@pytest.mark.parametrize(("days", "period"), [(0, None), (30, timedelta(days=30))])
def test_a_study_stays_until_every_pacs_that_it_goes_to_has_it(
    tmp_path: Path, days: int, period: timedelta | None
) -> None:
    house = build(Config(base=tmp_path, retention=RetentionConfig(days=days)))
    study = KeptStudy("1.2", PatientIdentity("A", "", "19500131"), datetime.now(UTC))
    assert period_of(house)(study) == period
    house.deliveries.want(Wanted("", "PACS", "1.2", 0, 1, Selection(), 1))
    assert period_of(house)(study) is None
    (delivery,) = house.deliveries.take_up("PACS", 1)
    house.deliveries.fail(delivery, Trouble(TroubleKind.REFUSED, "refused"))
    assert period_of(house)(study) is None
    house.deliveries.drop(delivery.id)
    assert period_of(house)(study) == period
    house.close()
