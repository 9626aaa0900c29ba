import inspect

import pytest

from mnist_cnn import errors
from mnist_cnn.errors import EmptyPictureError, HubError, MnistCnnError, WriteError

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_one_root(error: type[Exception]) -> None:
    assert issubclass(error, MnistCnnError)


@pytest.mark.parametrize("error", [error for error in CLASSES if error not in (MnistCnnError, WriteError, HubError)])
def test_errors_about_what_was_given_are_value_errors(error: type[Exception]) -> None:
    assert issubclass(error, ValueError)


def test_the_tree_that_is_drawn_is_the_tree_of_the_classes() -> None:
    def drawn(error: type[Exception], indent: str = "") -> list[str]:
        lines = []
        children = sorted(error.__subclasses__(), key=lambda child: inspect.getsourcelines(child)[1])
        for child in children:
            last = child is children[-1]
            lines.append(f"{indent}{'└──' if last else '├──'} {child.__name__}")
            lines += drawn(child, indent + ("    " if last else "│   "))
        return lines

    assert errors.__doc__ is not None
    shown = [line.split("  also")[0].rstrip() for line in errors.__doc__.splitlines()]
    assert [line for line in shown if "──" in line] == drawn(MnistCnnError)


def test_empty_picture_says_what_to_do() -> None:
    assert (
        str(EmptyPictureError())
        == "There is no ink in the picture: draw a digit or a number, or send a picture of one."
    )
