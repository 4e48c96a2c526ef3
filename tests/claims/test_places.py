import pytest

from claims.models import Place

pytestmark = pytest.mark.django_db


def test_one_of_many_places_with_a_name_is_found_by_its_district() -> None:
    found = list(Place.objects.named("Іванівка, Білоцерківський район"))
    assert found
    assert {p.folded_uk for p in found[:1]} == {"іванівка"}
    assert all("Білоцерківський район" in p.parents_uk for p in found)
