"""The real Jinja2, set up as transformers sets it up for chat templates."""
import datetime
import functools
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %}, which marks what the assistant says; its body is a block of its own."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("say"), [], [], body).set_lineno(line)

    def say(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return made


ENVIRONMENT = environment()


@functools.lru_cache(maxsize=8)
def compiled(source):
    return ENVIRONMENT.from_string(source)


def render(source, context):
    """(text, None), or (None, what went wrong)."""
    try:
        return compiled(source).render(**context), None
    except Exception as error:  # noqa: BLE001 - templates raise whatever Python raises
        return None, f"{type(error).__name__}: {error}"
