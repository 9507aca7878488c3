"""Options out of dataclasses: what a command takes is what the class holds, and means what the settings mean."""

from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from align3d_cli.cli.align import AlignCall
from align3d_cli.cli.call import taking
from align3d_cli.cli.prompt_train import PromptCall
from align3d_cli.cli.training_options import TrainingCall, setting
from align3d_cli.training.settings import AlignSettings, PromptSettings, Reweighting


@dataclass(frozen=True, kw_only=True)
class Order:
    """The options of a small command."""

    strength: Annotated[float | None, setting(AlignSettings, "strength", "--lambda")] = None
    reweight: Annotated[Reweighting, setting(AlignSettings, "reweight")] = "none"
    seed: Annotated[int, setting(AlignSettings, "seed")]


@pytest.fixture
def ask():
    """ask(arguments..) -> (exit code, the object that the command got, output)."""
    got: list[Order] = []

    def order(call: Order) -> None:
        """Take an order."""
        got.append(call)

    app = typer.Typer()
    app.command()(taking(Order, order))

    def run(*arguments: str) -> tuple[int, Order | None, str]:
        done = CliRunner().invoke(app, list(arguments))
        return done.exit_code, got[-1] if got else None, done.output

    return run


def test_a_command_gets_its_options_as_one_object(ask):
    """Given and left out, under the names of the class; the help is the command's own."""
    assert ask("--seed", "3", "--lambda", "0.5")[:2] == (0, Order(strength=0.5, seed=3))
    code, _, text = ask("--help")
    assert code == 0 and "Take an order" in text and "Lambda of these weights" in text


@pytest.mark.parametrize(
    "wrong", [("--seed", "-1"), ("--seed", "1", "--lambda", "-2"), ("--seed", "1", "--reweight", "x")]
)
def test_options_take_the_numbers_and_words_of_the_settings(ask, wrong):
    """What the class would refuse is refused with the option's name."""
    code, _, text = ask(*wrong)
    assert code == 2 and wrong[-2] in text


@pytest.mark.parametrize(
    ("call", "kind", "others"),
    [(AlignCall, AlignSettings, set()), (PromptCall, PromptSettings, {"aligner", "no_align", "prompts"})],
)
def test_every_option_of_a_stage_is_a_setting_of_it(call, kind, others):
    """None is offered and then forgotten; the temperature is the model's own."""
    own = {field.name for field in fields(call)} - {field.name for field in fields(TrainingCall)}
    assert own - others <= {field.name for field in fields(kind)}
