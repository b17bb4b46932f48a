"""The four tiers against all features, spelt out once more by hand."""

from __future__ import annotations

import pytest

from portal.azure.checks.skus import (
    BASIC_UNITS,
    FEWEST_UNITS,
    LINKS_PER_HOST,
    MOST_UNITS,
    RDP_PER_UNIT,
    SSH_PER_UNIT,
    Feature,
    Sku,
    allows,
    fewest_units,
    most_units,
    needed,
    needs,
    sku_named,
)

# Developer, Basic, Standard, Premium
TABLE = {
    Feature.CONCURRENT_SESSIONS: "no yes yes yes",
    Feature.PEERING: "no yes yes yes",
    Feature.KERBEROS: "no yes yes yes",
    Feature.NATIVE_CLIENT: "no no yes yes",
    Feature.SHAREABLE_LINKS: "no no yes yes",
    Feature.IP_CONNECT: "no no yes yes",
    Feature.CUSTOM_PORTS: "no no yes yes",
    Feature.FILE_COPY: "no no yes yes",
    Feature.HOST_SCALING: "no no yes yes",
    Feature.SESSION_RECORDING: "no no no yes",
    Feature.PRIVATE_ONLY: "no no no yes",
}
CELLS = [
    (sku, feature, word == "yes")
    for feature, row in TABLE.items()
    for sku, word in zip(Sku, row.split(), strict=True)
]


def test_the_table_leaves_no_feature_out() -> None:
    assert set(TABLE) == set(Feature)


@pytest.mark.parametrize(("sku", "feature", "expected"), CELLS)
def test_a_tier_has_what_microsoft_lists_for_it(sku: Sku, feature: Feature, expected: bool) -> None:
    assert allows(sku, feature) is expected
    assert allows(sku.upper(), feature) is expected
    assert (sku in needed(feature)) is expected


@pytest.mark.parametrize("feature", Feature)
def test_a_higher_tier_never_has_less(feature: Feature) -> None:
    assert needed(feature) == list(Sku)[-len(needed(feature)) :]


@pytest.mark.parametrize("name", ["", "Galactic", "Standard2"])
def test_an_unknown_tier_has_nothing(name: str) -> None:
    assert sku_named(name) is None
    assert not any(allows(name, feature) for feature in Feature)


def test_a_sentence_says_what_is_needed() -> None:
    assert needs(Feature.NATIVE_CLIENT) == "needs Standard or Premium"
    assert needs(Feature.PEERING) == "needs Basic, Standard or Premium"
    assert needs(Feature.SESSION_RECORDING) == "needs Premium"


def test_the_figures_are_those_of_microsoft() -> None:
    assert (RDP_PER_UNIT, SSH_PER_UNIT, BASIC_UNITS) == (20, 40, 2)
    assert (FEWEST_UNITS, MOST_UNITS, LINKS_PER_HOST) == (2, 50, 500)
    assert [most_units(sku) for sku in Sku] == [0, 2, 50, 50]
    assert [fewest_units(sku) for sku in Sku] == [0, 2, 2, 2]
