import shlex

import pytest
from cyclopts import App, Parameter
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from sppnet.config.section import Count, Section, flags


class Inner(Section):
    depth: float = Field(description="A number.")


class Outer(Section):
    name: str = Field(description="A text.")
    sizes: tuple[int, ...] = Field(default=(), description="Some numbers.")
    limit: Count | None = Field(default=None, description="A number or none.")
    mirror: bool = Field(description="A switch.")
    inner: Inner


def parsed(text):
    """Settings that a command is given for a command line."""
    app = App(default_parameter=Parameter(consume_multiple=True), result_action="return_value")

    @app.default
    def run(*, outer: Outer):
        return outer

    return app(shlex.split(text), exit_on_error=False, print_error=False)


texts = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).filter(
    lambda text: not text.startswith("-")
)


@given(
    st.builds(
        Outer,
        name=texts,
        sizes=st.lists(st.integers(0, 9999), max_size=4).map(tuple),
        limit=st.none() | st.integers(1, 99),
        mirror=st.booleans(),
        inner=st.builds(Inner, depth=st.floats(0, 1e6)),
    )
)
def test_flags_give_a_command_the_same_settings(settings):
    assert parsed(flags(settings)) == settings


def test_flags_read_well():
    settings = Outer(name="a b", sizes=(6, 3), limit=None, mirror=False, inner=Inner(depth=0.5))
    assert (
        flags(settings, {"more": 1}) == "--name 'a b' --sizes 6 3 --no-mirror --depth 0.5 --more 1"
    )


def test_sections_refuse_unknown_keys_and_changes():
    with pytest.raises(ValidationError, match="extra"):
        Inner(depth=1.0, width=2.0)
    with pytest.raises(ValidationError, match="frozen"):
        Inner(depth=1.0).depth = 2.0
    with pytest.raises(ValidationError, match="finite"):
        Inner(depth=float("nan"))
