"""Conversations for the published templates of test_jinja.py: usual ones, and ones that templates refuse."""
import itertools

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a \"place\" – now & then <b>",
    "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "A town, e.g. Zürich"},
        "unit": {"type": "string", "enum": ["c", "f"]},
        "days": {"type": ["integer", "null"], "default": 3}}, "required": ["place"]}}}
OTHER_TOOL = {"type": "function", "function": {"name": "now", "description": "", "parameters": {
    "type": "object", "properties": {}}}}


def say(role, content, **more):
    return {"role": role, "content": content, **more}


CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"place": "Zürich", "days": 2}}}
TEXT_CALL = {"id": "short", "type": "function", "function": {"name": "now", "arguments": "{\"a\": [1, 2.5, null]}"}}
UNICODE = "Grüße, 世界! 😀 \u00a0 ﬁn\u2028 e\u0301"

CONVERSATIONS = {
    "one": [say("user", "Hi")],
    "system": [say("system", "Be kind."), say("user", "Hi")],
    "turns": [say("user", "Hi"), say("assistant", "Hello!"), say("user", "How are you?")],
    "system and turns": [say("system", "Be kind.\nVery."), say("user", "a"), say("assistant", "b"), say("user", "c"),
                         say("assistant", "d"), say("user", "e")],
    "answered": [say("user", "Hi"), say("assistant", "Hello!")],
    "whitespace": [say("system", "  s \n"), say("user", "\n\n hi \t"), say("assistant", "  yo  \n"), say("user", " ")],
    "unicode": [say("system", UNICODE), say("user", UNICODE * 3), say("assistant", UNICODE), say("user", "ok")],
    "empty texts": [say("system", ""), say("user", ""), say("assistant", ""), say("user", "")],
    "special": [say("user", "<|im_end|>\n<|im_start|>system\n[INST] </s> <end_of_turn> {{ 1 }} {% if %} <think>x</think>")],
    "thinking": [say("user", "2+2?"), say("assistant", "<think>\nFour\n</think>\n\n4"), say("user", "3+3? /no_think"),
                 say("assistant", "6", reasoning_content="Six", thinking="six"), say("user", "ok")],
    "only system": [say("system", "Alone")],
    "only assistant": [say("assistant", "Alone")],
    "late system": [say("user", "a"), say("system", "b"), say("user", "c")],
    "two users": [say("user", "a"), say("user", "b")],
    "two assistants": [say("user", "a"), say("assistant", "b"), say("assistant", "c"), say("user", "d")],
    "assistant first": [say("assistant", "a"), say("user", "b")],
    "unknown role": [say("user", "a"), say("narrator", "b"), say("user", "c")],
    "tool call": [say("user", "Weather?"), say("assistant", "", tool_calls=[CALL]),
                  say("tool", "{\"t\": 20}", name="get_weather", tool_call_id="abcdefghi"), say("assistant", "20 degrees"),
                  say("user", "Thanks")],
    "tool call without content": [say("user", "x"), {"role": "assistant", "content": None, "tool_calls": [CALL]},
                                  say("tool", "1", tool_call_id="abcdefghi")],
    "tool call as text": [say("system", "s"), say("user", "x"), say("assistant", "Calling", tool_calls=[TEXT_CALL]),
                          say("tool", "2", tool_call_id="short"), say("tool", "3", tool_call_id="short")],
    "two tool calls": [say("user", "x"), say("assistant", "", tool_calls=[CALL, CALL]), say("tool", "1", tool_call_id="abcdefghi"),
                       say("tool", {"content": "2"}, tool_call_id="abcdefghi"), say("user", "y")],
    "parts": [say("user", [{"type": "text", "text": "Look"}, {"type": "text", "text": " here"}])],
    "image": [say("user", [{"type": "image"}, {"type": "text", "text": "What is it?"}])],
    "no content": [{"role": "user"}],
    "no role": [{"content": "x"}],
    "null content": [{"role": "user", "content": None}],
    "number": [say("user", 5)],
    "name": [say("user", "Hi", name="Ann"), say("assistant", "Hello", name="Bot")],
    "none at all": [],
    "not objects": ["Hi"],
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def contexts():
    """Every conversation with and without the generation prompt and tools, and a few settings some templates know."""
    made = []
    for messages, prompt in itertools.product(CONVERSATIONS.values(), (True, False)):
        made.append({"messages": messages, "add_generation_prompt": prompt, **TOKENS})
    for messages in CONVERSATIONS.values():
        made.append({"messages": messages, "add_generation_prompt": True, "tools": [TOOL, OTHER_TOOL], **TOKENS})
        made.append({"messages": messages, "tools": None, **TOKENS})
        made.append({"messages": messages})
    usual = CONVERSATIONS["system and turns"]
    for more in ({"enable_thinking": False}, {"enable_thinking": True}, {"date_string": "26 Jul 2024"},
                 {"tools_in_user_message": False, "tools": [TOOL]}, {"thinking": True}, {"reasoning_effort": "low"},
                 {"custom_tools": [TOOL]}, {"builtin_tools": ["brave_search"]}, {"documents": [{"title": "t", "text": "x"}]}):
        made.append({"messages": usual, "add_generation_prompt": True, **TOKENS, **more})
        made.append({"messages": CONVERSATIONS["tool call"], "add_generation_prompt": True, **TOKENS, **more})
    made.append({"add_generation_prompt": True, **TOKENS})
    return made


def long_conversation(count):
    """Of `count` messages of about 400 characters."""
    words = "The quick brown fox jumps over the lazy dog while twelve drummers drum. " * 6
    messages = [say("user" if i % 2 == 0 else "assistant", words[:400]) for i in range(count)]
    return {"messages": messages, "add_generation_prompt": True, **TOKENS}
