"""`marquee chat` on a terminal, as a person uses it, and from a pipe."""

import re
import stat

from marquee_server import MODEL

UP = "\x1b[A"
CTRL_C, CTRL_D = "\x03", "\x04"
FIGURES = re.compile(r"\d+ tokens, [\d.]+ tok/s, first after [\d.]+ s")


def begin(terminal, *arguments, **options):
    chat = terminal("chat", "--temperature", "0", "--max-tokens", "16", *arguments, **options)
    chat.read_until("is listening; /help")
    chat.read_prompt()
    return chat


def ask(chat, text):
    chat.type(text + "\r")
    shown = chat.read_until(" tok/s")
    chat.read_prompt()
    return shown


def test_a_conversation(with_model, terminal):
    chat = begin(terminal)
    assert len(ask(chat, "Hello").split()) > 2
    chat.type("/info\r")
    assert f"{MODEL}: 2 messages" in chat.read_until("tokens")
    again = ask(chat, UP + UP)
    assert "Hello" in again, "the line before the last comes back"
    chat.type(CTRL_D)
    assert chat.wait() == 0
    history = with_model.home / ".local/state/marquee/chat_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600 and "Hello" in history.read_text()


def test_ctrl_c_stops_the_answer_and_not_the_chat(with_model, terminal):
    chat = begin(terminal, "--max-tokens", "0")
    chat.type("Count from one to one thousand, each number in words.\r")
    chat.read_until("words.")
    chat.read_until("\n")
    chat.read_until(" ")
    chat.type(CTRL_C)
    assert ", stopped" in chat.read_until("stopped")
    chat.read_prompt()
    chat.type("half a line" + CTRL_C)
    assert "leaves" in chat.read_until("Ctrl-D or /quit leaves")
    chat.type("/set max_tokens 8\rHello\r")
    assert FIGURES.search(chat.read_until(", cut at the limit"))
    chat.read_prompt()
    chat.type("/quit\r")
    assert chat.wait() == 0


def test_commands(with_model, terminal):
    chat = begin(terminal)
    chat.type("/help\r")
    assert "/system TEXT" in chat.read_until("Ctrl-C stops an answer")
    chat.type("/hlp\r")
    chat.read_until("did you mean /help?")
    chat.type("/set temprature 1\r")
    chat.read_until("did you mean 'temperature'?")
    plain = ask(chat, "Who are you?")
    chat.type("/clear\r/system You are a dragon named Ember and you breathe fire.\r")
    chat.read_until("from now on")
    assert ask(chat, "Who are you?").split("?", 1)[1] != plain.split("?", 1)[1]
    chat.type("/save talk.md\r")
    chat.read_until("saved to talk.md")
    saved = (with_model.home / "talk.md").read_text()
    assert saved.startswith("**system**: You are a dragon") and "**user**: Who are you?" in saved
    chat.type("/save talk.md\r")
    chat.read_until("is there already")
    chat.type("/quit\r")
    assert chat.wait() == 0


def test_colours_only_when_wanted(with_model, terminal):
    def colours(**environment):
        chat = terminal("chat", "--no-history", **environment)
        chat.read_until("is listening; /help", 60)
        chat.read_prompt()
        chat.type(CTRL_D)
        chat.wait()
        return "\x1b[2m" in chat.raw or "\x1b[1;36m" in chat.raw

    assert colours()
    assert not colours(NO_COLOR="1")
    assert not (with_model.home / ".local/state/marquee/chat_history").exists()


def test_answers_are_broken_between_words(with_model, terminal):
    chat = terminal("chat", "--temperature", "0", "--max-tokens", "60", columns=40)
    chat.read_prompt()
    chat.type("Tell me a long story about a whale.\r")
    chat.read_until("whale.")
    lines = [line.strip() for line in chat.read_until(" tokens, ").splitlines()]
    text = [line for line in lines if line and not line.endswith(" tokens,")]
    assert max(map(len, text)) <= 40 and len(text) > 2
    piped = with_model("chat", "--temperature", "0", "--max-tokens", "60", stdin="Tell me a long story about a whale.\n")
    assert " ".join(text).split() == piped.stdout.split()
    chat.type(CTRL_D)
    assert chat.wait() == 0


def test_with_a_server(marquee, terminal, running_server):
    chat = begin(terminal, "--server", running_server.url, MARQUEE_KEY=running_server.key)
    ask(chat, "Hello")
    chat.type("/info\r")
    assert f"{MODEL}: 2 messages" in chat.read_until("tokens")
    chat.type(CTRL_D)
    assert chat.wait() == 0
    assert not marquee.data.exists(), "nothing of the engine is needed"
    assert "unknown or revoked" in marquee("chat", "--server", running_server.url, stdin="hi\n", status=4,
                                           MARQUEE_KEY="mq_wrong").stderr


def test_a_piped_conversation(with_model):
    done = with_model("chat", "--temperature", "0", "--max-tokens", "8", stdin="Hello\nAnd \\\nagain\n/info\n")
    assert len(done.stdout.splitlines()) >= 2 and "> " not in done.stdout
    assert f"{MODEL}: 4 messages" in done.stderr
