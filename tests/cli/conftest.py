import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

from program import Program, Terminal, make_data_folder  # noqa: E402


@pytest.fixture
def marquee(tmp_path):
    """The program with an empty home."""
    return Program(tmp_path / "home")


@pytest.fixture
def with_model(marquee):
    """The program with the test model installed."""
    return marquee.with_model()


@pytest.fixture
def terminal(marquee):
    """Opens terminals that run the program."""
    opened = []

    def open_terminal(*arguments, **options) -> Terminal:
        opened.append(Terminal(marquee, *arguments, **options))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def running_server(tmp_path_factory):
    """A server that several tests ask."""
    from marquee_server import Server

    running = Server(make_data_folder(tmp_path_factory.mktemp("server") / "data"))
    yield running
    running.stop()
