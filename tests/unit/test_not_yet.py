"""What a worker cannot obey."""

import pytest

from schemas.errors import ConfigurationError
from streams.worker import not_yet
from tests.support.configuration import SMALLEST, Load, load

__all__ = ["load"]  # a fixture


def test_a_store_whose_package_is_missing_is_refused_with_the_remedy(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is an extra; where it is there, nothing is said."""
    settings = load(SMALLEST + "state_store: rocksdb\n")
    not_yet.refuse_what_is_missing(settings)
    monkeypatch.setattr(not_yet, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        not_yet.refuse_what_is_missing(settings)
    [problem] = caught.value.problems
    assert problem.startswith("state_store: rocksdb needs a package that is not installed: pip install")
