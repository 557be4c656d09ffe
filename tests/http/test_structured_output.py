"""Answers that must have a form: JSON Schema, JSON objects, grammars and tool calls, through OpenAI's Python package."""

import json
import re

import jsonschema
import openai
import pytest
from marquee_server import MODEL

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "mood": {"enum": ["calm", "merry", None]},
        "scores": {"type": "array", "items": {"type": "number", "minimum": 0, "exclusiveMaximum": 10}, "maxItems": 3},
        "born": {"type": "string", "format": "date"},
        "friend": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/friend"}]},
    },
    "required": ["name", "age", "mood", "scores", "born", "friend"],
    "additionalProperties": False,
    "$defs": {"friend": {"type": "object", "properties": {"name": {"type": "string", "pattern": "^[A-Z][a-z]{1,8}$"}},
                         "required": ["name"], "additionalProperties": False}},
}
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city.", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 30},
                                         "days": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["city", "days"], "additionalProperties": False}}}
NOW = {"type": "function", "function": {"name": "now", "description": "The time."}}
QUESTION = [{"role": "user", "content": "How will the weather in Paris be?"}]


def ask(client, **options):
    return client.chat.completions.create(**{"model": MODEL, "messages": QUESTION, "max_tokens": 300, **options})


def schema_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def check_json(text, schema, order=True):
    value = json.loads(text)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)
    if order and schema.get("properties"):
        assert list(value) == [name for name in schema["properties"] if name in value]
    return value


@pytest.mark.parametrize("options", [
    {"temperature": 0}, {"temperature": 2, "seed": 3}, {"top_p": 0.5, "seed": 4},
    {"temperature": 1.5, "seed": 5, "frequency_penalty": 2, "presence_penalty": 2}, {"seed": 6, "logit_bias": {"28": 100}},
    {"seed": 7, "extra_body": {"ignore_eos": True, "repetition_penalty": 1.5, "top_k": 5}}])
def test_answers_are_valid_for_their_schema(client, options):
    answer = ask(client, response_format=schema_format(PERSON), **options)
    assert answer.choices[0].finish_reason == "stop"
    check_json(answer.choices[0].message.content, PERSON)


def test_every_choice_and_the_stream_say_the_same(client):
    options = {"response_format": schema_format(PERSON), "n": 3, "seed": 11, "temperature": 1.2}
    whole = ask(client, **options)
    streamed = ["", "", ""]
    for chunk in ask(client, stream=True, **options):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == [choice.message.content for choice in whole.choices]
    assert len(set(streamed)) > 1
    for text in streamed:
        check_json(text, PERSON)


def test_parse_helper_of_the_client(client):
    import pydantic

    class Film(pydantic.BaseModel):
        title: str = pydantic.Field(max_length=30)
        year: int = pydantic.Field(ge=1900, le=2100)
        genres: list[str] = pydantic.Field(max_length=2)

    answer = client.chat.completions.parse(model=MODEL, messages=QUESTION, response_format=Film, max_tokens=400, seed=5,
                                           frequency_penalty=1)
    film = answer.choices[0].message.parsed
    assert film is not None and 1900 <= film.year <= 2100


def test_an_answer_that_is_cut_says_so(client):
    answer = ask(client, response_format=schema_format(PERSON), max_tokens=5, temperature=0)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content.startswith("{")


def test_stop_strings_and_log_probabilities(client):
    answer = ask(client, response_format=schema_format(PERSON), stop=['"age"'], logprobs=True, top_logprobs=2, seed=2)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert '"name"' in choice.message.content and '"age"' not in choice.message.content
    assert all(token.logprob <= 0 for token in choice.logprobs.content)


def test_json_object(client):
    for seed in range(3):
        answer = ask(client, response_format={"type": "json_object"}, seed=seed, temperature=1.3)
        assert answer.choices[0].message.content.lstrip().startswith("{")
        if answer.choices[0].finish_reason == "stop":
            assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_grammar(client):
    grammar = 'root ::= "Paris: " day (", " day){2}\nday ::= ("sun" | "rain" | "schön ☀") " " [1-9] [0-9]? "°"'
    for seed in range(3):
        text = ask(client, seed=seed, extra_body={"grammar": grammar}).choices[0].message.content
        assert re.fullmatch(r"Paris: (sun|rain|schön ☀) [1-9][0-9]?°(, (sun|rain|schön ☀) [1-9][0-9]?°){2}", text)
    completion = client.completions.create(model=MODEL, prompt=["The answer is", "No:"], max_tokens=20, n=2,
                                           extra_body={"grammar": 'root ::= " " ("yes" | "no") "!"'})
    assert {choice.text for choice in completion.choices} <= {" yes!", " no!"}
    assert len(completion.choices) == 4


def test_completions_take_a_schema(client):
    completion = client.completions.create(model=MODEL, prompt="A person:", max_tokens=300, seed=1,
                                           extra_body={"response_format": schema_format(PERSON)})
    check_json(completion.choices[0].text, PERSON)


def check_call(call, tool=WEATHER):
    assert call.type == "function" and call.id.startswith("call_")
    assert call.function.name == tool["function"]["name"]
    return check_json(call.function.arguments, tool["function"].get("parameters", {"type": "object", "maxProperties": 0}))


def test_required_tools(client):
    answer = ask(client, tools=[WEATHER], tool_choice="required", temperature=0, parallel_tool_calls=False)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert len(choice.message.tool_calls) == 1
    check_call(choice.message.tool_calls[0])


def test_a_named_tool(client):
    answer = ask(client, tools=[WEATHER, NOW], tool_choice={"type": "function", "function": {"name": "now"}}, seed=1)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["now"]
    check_call(answer.choices[0].message.tool_calls[0], NOW)


def test_streamed_calls_say_what_the_whole_answer_says(client):
    options = {"tools": [WEATHER, NOW], "tool_choice": "required", "seed": 3, "n": 2, "temperature": 1.2, "max_tokens": 120}
    whole = ask(client, **options)
    names, arguments, ids, finishes = {}, {}, {}, {}
    for chunk in ask(client, stream=True, **options):
        for choice in chunk.choices:
            assert not choice.delta.content
            finishes[choice.index] = choice.finish_reason or finishes.get(choice.index)
            for call in choice.delta.tool_calls or []:
                place = (choice.index, call.index)
                if call.id:
                    ids[place], names[place], arguments[place] = call.id, call.function.name, ""
                arguments[place] += call.function.arguments or ""
    for choice in whole.choices:
        assert finishes[choice.index] == choice.finish_reason
        for i, call in enumerate(choice.message.tool_calls or []):
            place = (choice.index, i)
            assert (names[place], arguments[place]) == (call.function.name, call.function.arguments)
    assert len(set(ids.values())) == len(ids) == sum(len(choice.message.tool_calls or []) for choice in whole.choices)


def test_automatic_tools_may_give_text(client):
    text = ask(client, tools=[WEATHER], temperature=0, max_tokens=12)
    assert text.choices[0].message.content and text.choices[0].message.tool_calls is None


def test_no_tools_when_none_are_wanted(client):
    plain = ask(client, temperature=0, max_tokens=8)
    none = ask(client, temperature=0, max_tokens=8, tools=[WEATHER], tool_choice="none")
    assert none.choices[0].message.content == plain.choices[0].message.content


def test_a_conversation_with_calls_goes_on(client):
    first = ask(client, tools=[WEATHER], tool_choice="required", temperature=0, parallel_tool_calls=False)
    call = first.choices[0].message.tool_calls[0]
    messages = [*QUESTION, first.choices[0].message,
                {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 24 degrees <|im_end|>"}]
    answer = ask(client, messages=messages, tools=[WEATHER], max_tokens=20, temperature=0)
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > first.usage.prompt_tokens + 20


@pytest.mark.parametrize("body, param, part", [
    ({"grammar": "root ::= root"}, "grammar", "left-recursive"),
    ({"grammar": "root ::= "}, "none", ""),
    ({"grammar": 'root ::= "a"{60000}{60000}'}, "grammar", "to compile"),
    ({"grammar": "root ::= x"}, "grammar", "'x' is used but not defined"),
    ({"response_format": schema_format({"not": {}})}, "response_format", "at '/not'"),
    ({"response_format": schema_format({"type": "string", "maxLength": 10**9})}, "response_format", "to compile"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "json_schema"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"uniqueItems": True}}}}}]},
     "tools[0].function.parameters", "/properties/a/uniqueItems"),
    ({"tool_choice": "required"}, "tool_choice", "needs 'tools'"),
    ({"tools": [WEATHER], "grammar": 'root ::= "a"'}, "grammar", "together with 'tools'"),
])
def test_what_cannot_be_held_is_refused_by_name(client, body, param, part):
    if param == "none":  # the empty text is a text too
        assert ask(client, extra_body=body).choices[0].message.content == ""
        return
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, extra_body=body)
    assert refused.value.param == param
    assert part in str(refused.value)
