import sys
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from marquee_server import PATIENCE, Server, make_data_folder  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server most tests share: default settings, its own data folder."""
    running = Server(make_data_folder(tmp_path_factory.mktemp("shared") / "data"))
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path):
    """Starts servers of a test's own; ends those that still run."""
    started = []

    def start(*arguments, **options) -> Server:
        data = tmp_path / f"data{len(started)}"
        started.append(Server(make_data_folder(data), *arguments, **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def client(server):
    """OpenAI's own client, which must not try again: a failure is a failure."""
    with openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0,
                       timeout=60 * PATIENCE) as made:
        yield made
