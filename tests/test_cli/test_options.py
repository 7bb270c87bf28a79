"""An option is made from its setting: its type, its several values, where its value comes from."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from linrec_cli import machine
from linrec_cli.cli import config, options
from linrec_cli.declared import setting
from linrec_cli.errors import UsageError


@dataclass(frozen=True)
class Tea:
    """Settings of no linrec."""

    leaf: tuple[str, ...] = setting(("black", "green"), "Tea", "Leaves.", axis=True)
    minutes: float = setting(3.0, "Tea", "Minutes.", low=0.0)
    cups: int = setting(1, "Tea", "Cups.", axis=True)
    heat: float = setting(0.5, "Tea", "Heat.", axis=True)
    sugar: int = setting(0, "Tea", "Lumps.", asked=None, shown="none")
    milk: bool = setting(False, "Tea", "Milk.")
    guest: str | None = setting(None, "Tea", "Guest.")
    spice: tuple[str, ...] = setting(("clove",), "Tea", "Spices.", axis=True, asked="", shown="what there is")
    secret: str = setting("")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call a command that has the settings as options; give what it got, and which options were given."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[dict[str, Any], set[str]]:
        found: list[Any] = []
        app = typer.Typer(context_settings={"auto_envvar_prefix": "LINREC"}, add_completion=False)

        @app.callback()
        def root(ctx: typer.Context) -> None:
            config.environment(ctx)
            ctx.default_map = config.read(ctx)

        @app.command("brew")
        @options.of(Tea)
        def brew(
            ctx: typer.Context,
            pot: Annotated[str, typer.Argument()],
            *,
            spoon: Annotated[bool, typer.Option("--spoon")] = False,
            cosy: Annotated[str, typer.Option("--tea-cosy", "-t", "--tea-hat")] = "wool",
            **given: Any,
        ) -> None:
            found.extend([given | {"pot": pot, "spoon": spoon, "cosy": cosy}, options.asked(ctx)])

        app(["brew", *arguments], standalone_mode=False)
        return found[0], found[1]

    return call


def test_options_are_those_of_the_settings_beside_the_commands_own(asked: Any) -> None:
    given, said = asked("blue")
    assert given == {"leaf": "black,green", "minutes": 3.0, "cups": "1", "heat": "0.5", "sugar": None, "milk": False,
                     "guest": None, "spice": "", "pot": "blue", "spoon": False, "cosy": "wool"}  # fmt: skip
    assert said == {"pot"}
    assert "secret" not in given


def test_flags_come_before_the_environment_and_that_before_the_file(
    asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "linrec.toml").write_text("[brew]\nleaf = ['oolong', 'white']\ncups = 4\nheat = 0.25\nmilk = true\n")
    monkeypatch.setenv("LINREC_BREW_CUPS", "5")
    monkeypatch.setenv("LINREC_BREW_HEAT", "0.75")
    given, said = asked("blue", "--heat", "0.1,0.2", "--spoon")
    assert (given["leaf"], given["cups"], given["heat"], given["milk"]) == ("oolong,white", "5", "0.1,0.2", True)
    assert said == {"pot", "leaf", "cups", "heat", "milk", "spoon"}


@pytest.mark.parametrize("name", ["LINREC_BREW_TEA_COSY", "LINREC_BREW_TEA_HAT", "LINREC_BREW_COSY"])
def test_the_environment_knows_an_option_by_its_flag_and_by_its_parameter(
    asked: Any, monkeypatch: Any, name: str
) -> None:
    monkeypatch.setenv(name, "silk")
    # Another command's variables, another program's, and empty ones are nobody's business here.
    for other in ("LINREC_VERSION", "LINREC_STIR_SPOON", "LINREC_BREWERY", "LINREC_BREW_T"):
        monkeypatch.setenv(other, "" if other == "LINREC_BREW_T" else "x")
    given, said = asked("blue")
    assert given["cosy"] == "silk"
    assert "cosy" in said


def test_what_is_no_option_has_no_variable(asked: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LINREC_BREW_POT", "red")
    with pytest.raises(UsageError, match="no option for the variable 'LINREC_BREW_POT'"):
        asked("blue")


def test_a_variable_that_means_no_option_is_named_with_the_closest(asked: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LINREC_BREW_CUP", "2")
    with pytest.raises(UsageError) as raised:
        asked("blue")
    assert "'LINREC_BREW_CUP'; did you mean 'LINREC_BREW_CUPS'?" in str(raised.value)


def test_what_may_have_several_values_is_a_list_of_the_settings_type() -> None:
    plain = {"minutes": 4.0, "sugar": 1, "milk": True, "guest": "g"}
    values = plain | {"leaf": "a,b", "cups": "2,1,2", "heat": "1e-3, 3,0.001", "spice": "mint"}
    lists = {"leaf": ["a", "b"], "cups": [2, 1], "heat": [0.001, 3.0], "spice": ["mint"]}
    assert options.given(Tea, values) == plain | lists
    # What is left to others is empty.
    assert options.given(Tea, values | {"spice": ""}) == plain | lists | {"spice": []}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("cups", "x", "--cups takes whole numbers as 50,100,200, not 'x'."),
        ("cups", "1.5", "--cups takes whole numbers"),
        ("heat", "warm", "--heat takes numbers as 1e-3,3e-3, not 'warm'."),
        ("heat", "1,,2", "'1,,2' has an empty entry"),
        ("leaf", "", "'' has an empty entry"),
        ("leaf", "a,", "'a,' has an empty entry"),
    ],
)
def test_a_value_of_another_type_is_named(name: str, text: str, message: str) -> None:
    (item,) = (one for one in fields(Tea) if one.name == name)
    with pytest.raises(UsageError) as raised:
        options.several(item, text)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("there", "given", "wanted"),
    [
        ("cuda", {"device": "auto", "dtype": "auto", "threads": 0}, ("cuda", "bfloat16", 7)),
        ("cpu", {"device": "auto", "dtype": "auto", "threads": 2}, ("cpu", "float32", 2)),
        ("cuda", {"device": "auto", "dtype": "float32", "threads": 0}, ("cuda", "float32", 7)),
        ("cuda", {"device": "auto", "dtype": [], "threads": 1}, ("cuda", ["bfloat16"], 1)),
        ("cpu", {"device": "auto", "dtype": [], "threads": 1}, ("cpu", ["float32"], 1)),
        ("cuda", {"device": "auto", "dtype": ["auto", "bfloat16"], "threads": 1}, ("cuda", ["bfloat16"], 1)),
        ("cuda", {"device": "auto", "dtype": ["auto", "float32"], "threads": 1}, ("cuda", ["bfloat16", "float32"], 1)),
    ],
)
def test_the_machine_decides_what_is_left_to_it(
    there: str, given: dict[str, Any], wanted: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "device", lambda name: there)
    monkeypatch.setattr(machine, "cores", lambda: 7)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: True)
    assert tuple(options.here(given)[name] for name in ("device", "dtype", "threads")) == wanted
