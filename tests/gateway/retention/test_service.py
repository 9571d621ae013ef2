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
from gateway.sections import OtherSiteConfig, RetentionConfig
from storage.scope import PatientIdentity


def test_each_site_has_a_period_of_its_own(tmp_path: Path) -> None:
    days_of = {"north": 7, "as-all": -1, "for-ever": 0}
    sites = tuple(OtherSiteConfig(key=key, retention_days=days) for key, days in days_of.items())
    house = build(Config(base=tmp_path, retention=RetentionConfig(days=30), sites=sites))
    for site, days in (("", 30), ("north", 7), ("as-all", 30), ("for-ever", 0), ("gone", 30)):
        study = KeptStudy("1.2", PatientIdentity("A", "", "19500131"), datetime.now(UTC), site=site)
        assert period_of(house)(study) == (timedelta(days=days) if days else None), site
    house.close()
    assert Config(sites=sites[:1]).deletes and not Config(sites=sites[1:]).deletes


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
