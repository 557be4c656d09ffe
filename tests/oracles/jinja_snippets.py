"""Short templates for test_jinja.py, by what they are about; each is rendered with CONTEXT by Jinja2 and by ours."""

CONTEXT = {
    "text": "Hello, World", "empty": "", "unicode": "Ünïcödé ßtraße ǅ 😀 ﬁ İ", "spaces": "  padded\t\n ", "lines": "a\nb\r\n\nc",
    "zero": 0, "one": 1, "seven": 7, "minus": -3, "big": 12345678901234567890, "half": 0.5, "real": 2.75, "whole": 3.0,
    "yes": True, "no": False, "nothing": None, "numbers": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"],
    "nested": [[1, 2], [3, [4, 5]]], "mixed": [1, "a", None, True, 2.5, [1], {"k": "v"}], "hollow": [], "blank": {},
    "point": {"x": 1, "y": {"z": [10, 20]}, "get": "shadowed", "items": 5}, "digits": "0123456789",
    "users": [{"name": "Bo", "age": 30, "on": True}, {"name": "al", "age": 25, "on": False}, {"name": "Cy", "age": 30}],
    "html": "<b>\"it's\" & co</b>", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
}

LITERALS = r"""
{{ 1 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5 }} {{ 1e3 }} {{ 2.5E-3 }} {{ 1_0.5_0 }}
{{ 0 }} {{ 00 }} {{ 1.0 }} {{ 100000000000000000000 }} {{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1e400 }}
{{ 'a' }} {{ "b" }} {{ 'a' 'b' "c" }} {{ "it's" }} {{ 'say "x"' }}
{{ '\n\t\r\\\'\"' }} {{ '\x41\u00e9\U0001F600\101\0' }} {{ '\q\é' }}
{{ true }} {{ True }} {{ false }} {{ False }} {{ none }} {{ None }}
{{ [] }} {{ [1, 'a', none, true,] }} {{ [1, [2, (3,)]] }}
{{ () }} {{ (1,) }} {{ (1) }} {{ 1, 2 }} {{ (1, 'x') }} {{ 1, }}
{{ {} }} {{ {'a': 1, 2: 'b', none: true} }} {{ {'a': 1, 'a': 2} }} {{ {1: 'a', 1.0: 'b', true: 'c'} }}
{{ {(1, 2): 3}[(1, 2)] }} {{ {'a': {'b': [1]}} }}
{{ "日本 \" ' \t" }} {{ ["it's", 'say "x"', "both ' and \"", "tab\t", "é", "\x00\x7f\u2028"] }}
{{ '' }}|{{ "" "" }}
{{ 1.5e300 * 1e10 }} {{ -0.0 }} {{ 3.14159265358979 }} {{ 0.1 + 0.2 }} {{ 1/3 }} {{ 123456789.123456789 }}
"""

OPERATORS = r"""
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 8 / 2 }}
{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2 ** 0.5 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }}
{{ 1 - 1 - 1 }} {{ 2 * 3 % 4 }} {{ 1 + 1.0 }} {{ true + true }} {{ true * 3 }} {{ -true }} {{ +5 }} {{ - 5 }} {{ --5 }}
{{ 'a' + 'b' }} {{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ 'a' * 0 }} {{ 'a' * -1 }} {{ [1] + [2] }} {{ [0] * 3 }} {{ (1,) + (2,) }}
{{ 'a' ~ 1 ~ none ~ 2.5 ~ [1] }} {{ 1 ~ 2 }} {{ 1 + 2 ~ 3 + 4 }} {{ 1 ~ 2 * 3 }} {{ missing ~ 'x' }}
{{ 1 == 1.0 }} {{ 1 == true }} {{ 'a' == 'a' }} {{ [1, 2] == [1, 2] }} {{ (1, 2) == [1, 2] }} {{ {'a': 1} == {'a': 1} }} {{ none == none }} {{ 1 != 2 }} {{ 'a' != 1 }}
{{ 1 < 2 }} {{ 2 <= 2 }} {{ 3 > 4 }} {{ 4 >= 4 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 < 2 == 2 }} {{ 'A' < 'a' }} {{ 'é' > 'z' }}
{{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'ell' in text }} {{ 'x' in point }} {{ '' in 'abc' }} {{ 1 in (1,) }} {{ not 1 in [1] }}
{{ true and 0 }} {{ 0 or 'x' }} {{ 1 and 2 }} {{ none or false }} {{ not true }} {{ not not 5 }} {{ 1 or 1/0 }} {{ 0 and 1/0 }}
{{ 'a' if true else 'b' }} {{ 'a' if false else 'b' }} {{ 'a' if false }} {{ 1 if 0 else 2 if 0 else 3 }} {{ ('a' if no) is defined }}
{{ 'a' if yes and not no else 'b' }} {{ [1, 2 if true else 3] }} {{ 'x' if missing else 'y' }}
{{ 1 is number and 2 is string }} {{ not 1 is string }} {{ 1 + 2 is number }} {{ -1 | abs }} {{ -seven | abs }} {{ 2 ** 2 | abs }}
{{ 'Total: %s of %d (%.2f) %5s|%-5s|%05d %x %X %r %%' % ('a', 3, 2.5, 'r', 'l', 42, 255, 255, 'q') }}
{{ '%s' % 'one' }} {{ '%s and %s' % ('a', [1]) }} {{ '%(a)s-%(b)03d' % {'a': 1, 'b': 2} }} {{ '%s' % none }} {{ '%+d % d %i' % (1, 2, 3.9) }}
{{ '%.3s|%10.2f|' % ('abcdef', 1.005) }}
{{ '%d' % 'x' }}
{{ 'x' % missing }} {{ 'x' % range(3) }} {{ 'x' % {} }} {{ '' is divisibleby(missing) }}
{{ 'x' % 1 }}
{{ '%s' % missing }}|
{{ '%d' % missing }}
{{ '%s %s' % 'a' }}
{{ '%s' % ('a', 'b') }}
{{ '%d' % 2.9 }} {{ '%s' % ((1, 2),) }} {{ '%#x' % 255 }} {{ '%5.1f|%-8.3f|' % (3.14159, 2) }} {{ 'x' % [] }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.5 % 0 }}
{{ 0 ** -1 }}
{{ 1 + 'a' }}
{{ 'a' + 1 }}
{{ 'a' - 'b' }}
{{ [1] + (2,) }}
{{ none + 1 }}
{{ 'a' * 'b' }}
{{ {} + {} }}
{{ -'a' }}
{{ +none }}
{{ 1 < 'a' }}
{{ none < none }}
{{ [1] < ['a'] }}
{{ {} < {} }}
{{ missing < 1 }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ 1 in 5 }}
{{ 1 in 'abc' }}
{{ [1] in {} }}
{{ -missing }}
{{ missing == missing2 }} {{ missing != 1 }} {{ missing == none }} {{ missing in [1] }} {{ missing in hollow }}
{{ big + 1 }} {{ big * 2 }} {{ big // 7 }} {{ 9223372036854775807 + 1 }} {{ -9223372036854775808 - 1 }} {{ 2 ** 64 }} {{ 10 ** 30 }}
{{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ 5.0 // 0.3 }} {{ 5 % 0.3 }} {{ 2.0 ** 3 }} {{ 10 / 4 * 2 }} {{ 1 - 0.9 }}
{{ true == 1 }} {{ false == 0 }} {{ 1 in [true] }} {{ 0.0 == -0.0 }} {{ [nothing] == [none] }} {{ (1, 2) < (1, 2, 3) }}
{{ 'b' 'a' < 'c' }} {{ 1 < 2 and 2 < 3 or 1/0 }} {{ 5 in range(6) }} {{ 'Hi' in messages[0].values() }} {{ ['a', 'b'] > ['a'] }}
"""

ACCESS = r"""
{{ point.x }} {{ point['x'] }} {{ point.y.z[1] }} {{ point['y']['z'][0] }} {{ point.y.z.0 }} {{ point.nope }}|{{ point['nope'] }}
{{ point.get('x') }} {{ point['get'] }} {{ point.items() | list }} {{ point['items'] }} {{ point.keys() | list }} {{ point.values() | list }}
{{ point.get('nope') }} {{ point.get('nope', 5) }} {{ blank.get('x', {}) }} {{ point.keys() }} {{ blank.items() }}
{{ numbers[0] }} {{ numbers[-1] }} {{ numbers[5] }}| {{ numbers[true] }} {{ numbers.x }}|{{ numbers['0'] }}|
{{ text[0] }} {{ text[-1] }} {{ text[99] }}| {{ unicode[1] }} {{ unicode[19] }} {{ text['x'] }}|
{{ numbers[1:] }} {{ numbers[:2] }} {{ numbers[::-1] }} {{ numbers[-2:] }} {{ numbers[5:] }} {{ numbers[:] }} {{ numbers[::2] }} {{ numbers[2:0:-1] }}
{{ text[7:] }} {{ text[:5] }} {{ text[::-1] }} {{ unicode[::2] }} {{ unicode[-3:] }} {{ text[3:1] }}| {{ text[-100:100] }} {{ text[1:10:3] }} {{ digits[8:2:-2] }}
{{ (1, 2, 3)[1:] }} {{ range(10)[2:5] | list }} {{ range(10)[::3] | list }} {{ range(10)[-1] }} {{ range(10)[::-1] | list }} {{ digits[none:3] }} {{ digits[2:none:none] }}
{{ missing }}| {{ missing.x }}
{{ missing['x'] }}
{{ missing() }}
{{ point.nope.deeper }}
{{ none.x }}|{{ none['x'] }}|{{ nothing.x.y }}
{{ seven.x }}|{{ seven[0] }}|{{ 'a'.b }}|
{{ missing[1:] }}
{{ seven[1:] }}
{{ point[1:] }}
{{ numbers['a':] }}
{{ numbers[::0] }}
{{ numbers[missing] }}|
{{ numbers[1.0] }}|{{ numbers['x'] }}|
{{ text.upper().lower().title() }} {{ text.split(', ')[1] }} {{ users[0].name.upper() }} {{ messages[-1]['role'] }}
{{ numbers.append(1) }}
{{ point.update({}) }}
{{ numbers.pop() }}
{{ numbers.index(2) }} {{ numbers.count(1) }} {{ (1, 1).count(1) }} {{ numbers.copy() }} {{ point.copy() == point }} {{ words.index('fig') }}
{{ numbers.index(9) }}
{{ [1, 2, 1].index(1, 1) }} {{ numbers.append is defined }} {{ text.upper is defined }} {{ text.nope is defined }}
{{ text.nope() }}
{{ text() }}
{{ none() }}
{{ 5() }}
{{ point.x() }}
{{ text.__class__ }}|{{ point.__class__ }}|{{ text.__class__ is defined }}
{{ nested[1][1][0] }} {{ nested.1.0 }} {{ mixed[6].k }} {{ {'a': {'b': 3}}.a.b }}
{{ range(3) }} {{ range(1, 10, 3) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }} {{ range(3) | length }} {{ range(2, 5).x }}|
{{ range() }}
{{ range(1, 2, 0) }}
{{ range('a') }}
{{ range(1000000) }}
{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('a', 1), ['b', 2]]) }} {{ dict() }}
{{ dict(5) }}
{{ dict([1]) }}
{{ namespace(a=1).a }} {{ namespace({'b': 2}).b }} {{ namespace(a=1) }} {{ namespace().missing }}|{{ namespace(x=[1])['x'] }}|
{{ cycler('a', 'b').next() }} {% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}
{{ cycler() }}
{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b{{ j() }}c{% set k = joiner() %}{{ k() }}{{ k() }}
{{ raise_exception('no ' ~ 'way') }}
{{ range(*[1, 4]) | list }} {{ dict(**{'a': 1}) }} {{ dict(b=2, **{'a': 1}) }} {{ 'x'.replace(*('x', 'y')) }}
{{ text.split(sep=',', maxsplit=1) }} {{ range(3, stop=5) }}
"""

STATEMENTS = r"""
{% if yes %}a{% endif %}{% if no %}b{% else %}c{% endif %}{% if no %}1{% elif one %}2{% elif yes %}3{% else %}4{% endif %}
{% if hollow or blank or empty or zero or nothing or missing %}t{% else %}f{% endif %}{% if 0.0 %}t{% endif %}{% if ' ' %}s{% endif %}
{% for n in numbers %}{{ n }},{% endfor %}{% for n in hollow %}x{% else %}none{% endfor %}{% for n in numbers %}{% else %}no{% endfor %}
{% for k in point %}{{ k }};{% endfor %}{% for k, v in blank.items() %}x{% endfor %}{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}
{% for c in 'héy' %}[{{ c }}]{% endfor %}{% for x in missing %}x{% else %}-{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}
{% for n in numbers %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}
{% for n in numbers %}{{ loop.previtem }}<{{ n }}>{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for n in numbers %}{{ loop.cycle('odd', 'even') }}{{ loop.changed(n > 1) }} {% endfor %}{% for n in [1, 1, 2] %}{{ loop.changed(n) }}{% endfor %}
{% for n in range(10) if n is odd %}{{ n }}{{ loop.index }}/{{ loop.length }}{{ loop.last }} {% endfor %}{% for n in numbers if n > 5 %}{% else %}e{% endfor %}
{% for n in numbers if false %}x{% else %}{% for m in [1] %}{{ m }}{% endfor %}{% endfor %}{% for u in users if u.on %}{{ u.name }}{% endfor %}
{% for n in range(9) %}{% if n == 3 %}{% continue %}{% endif %}{% if n == 6 %}{% break %}{% endif %}{{ n }}{% endfor %}
{% for a in [1, 2] %}{% for b in [1, 2, 3] %}{% if b == 2 %}{% break %}{% endif %}{{ a }}{{ b }} {% endfor %}{{ loop.index }}{% endfor %}
{% for n in numbers %}{% break %}{% else %}x{% endfor %}|{% for n in numbers %}{% continue %}{% else %}x{% endfor %}
{% for x in nested recursive %}[{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}@{{ loop.depth }}{% endif %}]{% endfor %}
{% for n in numbers %}{{ loop }}{% endfor %}
{% for n in numbers %}{{ loop(numbers) }}{% endfor %}
{% for n in 5 %}{% endfor %}
{% for n in none %}{% endfor %}
{% for a, b in numbers %}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a, b in ['xy'] %}{{ a }}{{ b }}{% endfor %}{{ loop }}|{% for a in [1] %}{% endfor %}{{ a }}|
{% set x = 1 %}{{ x }}{% set x = x + 1 %}{{ x }}{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = [3, 4] %}{{ a }}{{ b }}{% set t = 1, %}{{ t }}
{% set a, b = 1 %}
{% set a, b = [1] %}
{% set x = 0 %}{% for n in numbers %}{% set x = x + n %}{{ x }} {% endfor %}{{ x }}{% if yes %}{% set x = 9 %}{% endif %}{{ x }}
{% for n in numbers %}{{ x }}{% set x = n %}{{ x }};{% endfor %}{{ x }}|{% for n in [1, 2] %}{% if n == 2 %}{% set q = 5 %}{% endif %}{{ q }};{% endfor %}
{% set ns = namespace(total=0, seen=[]) %}{% for n in numbers %}{% set ns.total = ns.total + n %}{% set ns.seen = ns.seen + [n] %}{% endfor %}{{ ns.total }}{{ ns.seen }}{{ ns }}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{% set ns.c %}block{% endset %}{{ ns.c }}{{ ns['a'] }}
{% set point.x = 1 %}
{% set missing.x = 1 %}
{% set x %}a{{ one }}b{% endset %}{{ x }}{% set y | upper | replace('A', 'z') %}a{{ x }}{% endset %}{{ y }}{% set e %}{% endset %}[{{ e }}]
{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}{{ m(*[1, 2], **{'c': 9}) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}{% macro n(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ n(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro outer() %}<{{ caller() }}>{% endmacro %}{% call outer() %}in{{ one }}{% endcall %}{% macro list() %}{% for n in numbers %}{{ caller(n, loop.index) }}{% endfor %}{% endmacro %}{% call(n, i=0) list() %}{{ n }}@{{ i }} {% endcall %}
{% macro m() %}{{ caller is defined }}{{ caller }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}{{ m.name }}{{ m.arguments }}{% macro k(a, b=1) %}{% endmacro %}{{ k.arguments }}{{ k.catch_kwargs }}
{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1) | int }}{% endif %}{% endmacro %}{{ fact(6) }}{% macro a() %}{% macro b() %}in{% endmacro %}{{ b() }}{% endmacro %}{{ a() }}{{ b is defined }}
{% set x = 'out' %}{% macro m(x) %}{{ x }}{% set x = 'in' %}{{ x }}{% endmacro %}{{ m('arg') }}{{ x }}{% macro p(a, b) %}{{ a }}|{{ b }}|{% endmacro %}{{ p(1) }}
{% filter upper %}a{{ one }}b{% endfilter %}{% filter replace('a', 'b') | upper %}aaa{% endfilter %}{% filter trim %} x {% endfilter %}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|{% with %}{% set z = 5 %}{{ z }}{% endwith %}{{ z }}|{% with a = 1 %}{% with a = a + 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}{% endwith %}
{% generation %}said {{ one }}{% endgeneration %}{% generation %}{% set g = 1 %}{{ g }}{% endgeneration %}{{ g }}|
{% raw %}{{ not }} {% for %} {# x #}{% endraw %}{%- raw -%}  y  {%- endraw -%}  z
{# comment #}a{# multi
line #}b{#- c -#}  d {#+ e +#} f{##}g
{% if yes: %}x{% endif %}{% for n in numbers: %}{{ n }}{% endfor %}{% if (yes) %}y{% endif %}{% if 1, %}z{% endif %}
{% set ns = namespace(done=false) %}{% for n in [1, 2, 3] if not ns.done %}{{ n }}{% if n == 2 %}{% set ns.done = true %}{% endif %}{% endfor %}
{% set a = [] %}{% for n in numbers %}{% set a = a + [n] %}{% endfor %}{{ a }}{% for i in range(2) %}{% set _ = i %}{% endfor %}{{ _ }}|
{% for u in users %}{% set name = u.name %}{% if loop.first %}{{ name }}{% endif %}{% endfor %}{{ name }}|{% for a in 'ab' %}{% for a in 'cd' %}{{ a }}{% endfor %}{{ a }}{% endfor %}
{% set f = text.upper %}{{ f() }}{% set r = range %}{{ r(2) | list }}{% macro m() %}q{% endmacro %}{% set g = m %}{{ g() }}{{ [m][0]() }}{{ {'m': m}.m() }}
{% for x in numbers | sort %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}{% for a in numbers[1:] %}{{ a }}{% endfor %}{% for a in 1, 2 %}{{ a }}{% endfor %}
{% set text = text ~ '!' %}{{ text }}{% set messages = messages[1:] %}{{ messages | length }}{% for messages in [1] %}{{ messages }}{% endfor %}{{ messages | length }}
{% macro m() %}{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}{% endmacro %}{{ m() }}{% set x %}{% for i in [1, 2] %}{{ i }}{% endfor %}{% endset %}{{ x }}
{% for n in [1, 2, 3] %}{% set b %}{{ n }}{% if n == 2 %}{% continue %}{% endif %}!{% endset %}{{ b }}{% endfor %}
{% set x = {'a': [1, {'b': 2}]} %}{{ x.a[1].b }}{{ x }}{% set y = x %}{{ y == x }}{% set z = (x.a | length) + 1 %}{{ z }}
{% if 'a' is defined and missing is not defined and missing is undefined %}ok{% endif %}{% if not missing %}ok{% endif %}{% if missing is none %}{% else %}ok{% endif %}
{% for i in range(3) %}{% for j in range(3) %}{{ loop.index }}{{ loop.last }}{% if not loop.last %},{% endif %}{% endfor %};{{ loop.index }}{% endfor %}
{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif %}{{ m.content }}{% endfor %}
{% for m in messages %}{% if (m.role == 'user') == (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif %}{{ m.content }}{% endfor %}
{%- set loop_messages = messages -%}{%- if messages[0].role == 'system' -%}{%- set loop_messages = messages[1:] -%}{%- endif -%}{{ loop_messages | length }}
{% set it = numbers | map('string') %}{% for a in it %}{{ a }}{% break %}{% endfor %}{{ it | list }}{% set it2 = [1, 2] | reverse %}{{ it2 | first }}{{ it2 | list }}
"""

FILTERS = r"""
{{ -5 | abs }} {{ 2.5 | abs }} {{ true | abs }}
{{ 'x' | abs }}
{{ point | attr('keys') is defined }} {{ point | attr('x') is defined }} {{ text | attr('upper') is defined }} {{ namespace(a=1) | attr('a') }}
{% for b in [1, 2, 3, 4, 5] | batch(2) %}{{ b }}{% endfor %} {% for b in [1, 2, 3] | batch(2, 'x') %}{{ b }}{% endfor %} {{ [] | batch(3) | list }}
{{ 'hELLO wORLD' | capitalize }} {{ 'ßa' | capitalize }} {{ 'ǆx' | capitalize }} {{ none | capitalize }} {{ 5 | capitalize }} {{ missing | capitalize }}|
[{{ 'a' | center(5) }}] [{{ 'ab' | center(5) }}] [{{ 'abc' | center(2) }}] [{{ 'é' | center(4) }}]
{{ missing | default('x') }} {{ missing | d }}| {{ '' | default('x') }}| {{ '' | default('x', true) }} {{ none | default('x') }} {{ 0 | default(5, boolean=true) }} {{ point.nope | default('n') }} {{ missing | default(default_value='k') }}
{{ missing.x | default('deep') }}
{{ {'b': 1, 'A': 2, 'a': 0} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'a': 2} | dictsort(reverse=true) }} {{ {} | dictsort }}
{{ {'b': 1, 2: 3} | dictsort }}
{{ numbers | dictsort }}
{{ point | dictsort(by='nope') }}
{{ html | escape }} {{ html | e }} {{ html | e | e }} {{ html | forceescape }} {{ (html | e) | forceescape }} {{ 5 | e }} {{ (html | safe) ~ '<' }} {{ (html | safe) + '<' }} {{ [html | e] }}
{{ numbers | first }} {{ 'abc' | first }} {{ hollow | first }}| {{ point | first }} {{ numbers | last }} {{ 'abc' | last }} {{ hollow | last }}| {{ missing | first }}| {{ missing | last }}|
{{ 5 | first }}
{{ 5 | last }}
{{ (numbers | map('string')) | last }}
{{ '1.5' | float }} {{ 'x' | float }} {{ 'x' | float(2.5) }} {{ 3 | float }} {{ '1e3' | float }} {{ none | float }} {{ ' 2 ' | float }} {{ 'inf' | float }} {{ '-nan' | float }} {{ '1_0.5' | float }} {{ [] | float(default=none) }} {{ '+1' | float }} {{ '.5' | float }} {{ '5.' | float }}
{{ '12' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ '3.9' | int }} {{ ' 12 ' | int }} {{ '0x1A' | int(0, 16) }} {{ '0x1A' | int(base=0) }} {{ '101' | int(base=2) }} {{ none | int }} {{ true | int }} {{ '1_000' | int }} {{ '1e2' | int }} {{ '-5' | int }} {{ [] | int }} {{ 'inf' | int }} {{ 'ff' | int(base=16) }} {{ '0b11' | int(0, 0) }} {{ '09' | int }} {{ '' | int }} {{ '_1' | int }}
{{ missing | int }}
{{ missing | float }}
{{ "%s, %s" | format("a", 2) }} {{ "%(x)s" | format(x=1) }} {{ '%.1f%%' | format(99.95) }} {{ '%d' | format(true) }} {{ '%s' | format([1]) }}
{{ "%s %s" | format(1) }}
{{ "%s" | format(1, x=2) }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2) }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\nb' | indent('> ') }}|{{ '' | indent }}|{{ 'a\n' | indent(first=true) }}|{{ '\n\n' | indent(2, true, true) }}|{{ 'a\r\nb' | indent(width=1) }}
{{ 5 | indent }}
{{ point | items | list }} {{ missing | items | list }} {% for k, v in {'a': 1} | items %}{{ k }}{{ v }}{% endfor %}
{{ numbers | items | list }}
{{ numbers | join }} {{ numbers | join(', ') }} {{ users | join('-', attribute='name') }} {{ 'abc' | join('.') }} {{ mixed | join('|') }} {{ hollow | join }}| {{ point | join(',') }} {{ [1, missing, none] | join(d='/') }} {{ missing | join }}|{{ [html | e, '<'] | join }}
{{ 5 | join }}
{{ numbers | length }} {{ text | length }} {{ unicode | length }} {{ point | count }} {{ missing | length }} {{ hollow | length }} {{ '😀' | length }} {{ (1, 2) | length }} {{ point.items() | length }}
{{ 5 | length }}
{{ none | length }}
{{ (numbers | map('string')) | length }}
{{ 'abc' | list }} {{ point | list }} {{ (1, 2) | list }} {{ range(3) | list }} {{ missing | list }} {{ point.items() | list }}
{{ none | list }}
{{ 'AbC' | lower }} {{ 'abc' | upper }} {{ unicode | lower }} {{ unicode | upper }} {{ none | upper }} {{ 'ΑΣ Σ' | lower }} {{ missing | lower }}|{{ 1.5 | upper }}
{{ users | map(attribute='name') | list }} {{ users | map(attribute='on', default=0) | list }} {{ ['a', 'b'] | map('upper') | list }} {{ [' a'] | map('trim') | join }} {{ numbers | map('default', 5) | list }} {{ nested | map('first') | list }} {{ nested | map(attribute=0) | list }} {{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }} {{ users | map(attribute='name') | map('lower') | join(',') }} {{ missing | map('upper') | list }} {{ none | map('upper') | list }} {{ [['a', 'b']] | map('join', '-') | list }} {{ ['ab'] | map('replace', 'a', 'x') | list }}
{{ users | map(attribute='nope') | list }} {{ 0 | map('upper') | list }} {{ [[1, [2]]] | map(attribute='1.0') | list }}
{{ numbers | map | list }}
{{ 5 | map('upper') | list }}
{{ numbers | map(attribute='x', foo=1) | list }}
{{ numbers | max }} {{ numbers | min }} {{ words | max }} {{ words | min }} {{ words | min(case_sensitive=true) }} {{ hollow | max }}| {{ users | max(attribute='age') }} {{ [1, 2.5] | max }} {{ 'hello' | max }} {{ [true, 2] | min }}
{{ [1, 'a'] | max }}
{{ [none, none] | min }}
{{ numbers | reject('odd') | list }} {{ numbers | select('odd') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ [0, 1] | reject | list }} {{ numbers | select('gt', 1) | list }} {{ words | select('in', ['fig']) | list }} {{ [1, none, 2] | reject('none') | list }} {{ [1, missing] | select('defined') | list }} {{ missing | select('odd') | list }} {{ ['a', 1] | select('string') | list }}
{{ users | selectattr('on') | list | length }} {{ users | rejectattr('on') | list | length }} {{ users | selectattr('age', 'equalto', 30) | map(attribute='name') | list }} {{ users | selectattr('name', 'in', ['al']) | list }} {{ users | rejectattr('on', 'defined') | list }} {{ messages | selectattr('role', 'eq', 'user') | list }} {{ messages | selectattr('role', '==', 'user') | first }} {{ users | selectattr('on', 'undefined') | list }}
{{ numbers | select('odd', 1) | list }}
{{ users | selectattr | list }}
{{ 'aXbX' | replace('X', '-') }} {{ 'aXbX' | replace('X', '-', 1) }} {{ 'abc' | replace('', '.') }} {{ 121 | replace(1, 3) }} {{ 'a' | replace('a', '') }}| {{ 'aaa' | replace('aa', 'b') }} {{ none | replace('N', 'n') }} {{ 'x' | replace('y', 'z') }} {{ 'é' | replace('é', 'e') }} {{ 'aaa' | replace('a', 'b', count=2) }}
{{ numbers | reverse | list }} {{ 'héy' | reverse }} {{ (1, 2) | reverse | list }} {{ point | reverse | list }} {{ range(3) | reverse | list }} {{ missing | reverse | list }} {{ numbers | map('string') | reverse }}
{{ 5 | reverse }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.345 | round(2) }} {{ 2.7 | round(0, 'floor') }} {{ 2.1 | round(method='ceil') }} {{ 5 | round }} {{ 1234 | round(-2) }} {{ 0.1 | round(3) }} {{ 2.675 | round(2) }} {{ -2.5 | round }} {{ 42.55 | round(1, 'floor') }} {{ 1e20 | round }} {{ 1250 | round(-2) }} {{ true | round }}
{{ 2.5 | round(0, 'up') }}
{{ 'x' | round }}
{{ [1, 2, 3, 4, 5] | slice(2) | list }} {{ [1, 2, 3] | slice(2, 'x') | list }} {{ [] | slice(2) | list }} {{ [1] | slice(3) | list }}
{{ [1] | slice(0) | list }}
{{ numbers | sort(missing) }}
{{ numbers | sort(none) }}
{{ point | dictsort(reverse='x') }}
{{ numbers | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ numbers | sort(true) }} {{ users | sort(attribute='name') | map(attribute='name') | list }} {{ users | sort(attribute='age,name') | map(attribute='name') | join }} {{ users | sort(reverse=true, attribute='age') | map(attribute='name') | join }} {{ 'cab' | sort }} {{ point | sort }} {{ [[2, 1], [1, 2]] | sort }} {{ [true, 0, 2] | sort }}
{{ [1, 'a'] | sort }}
{{ [{}, {}] | sort }}
{{ mixed | sort }}
{{ 5 | string }} {{ none | string }} {{ [1] | string | length }} {{ missing | string }}| {{ true | string }} {{ 1.0 | string }} {{ (html | e) | string }}
{{ numbers | sum }} {{ users | sum(attribute='age') }} {{ [0.1] * 3 | sum }} {{ hollow | sum }} {{ numbers | sum(start=10) }} {{ [[1], [2]] | sum(start=[]) }} {{ [0.1, 0.2, 0.3] | sum }}
{{ ['a', 'b'] | sum }}
{{ ['a'] | sum(start='') }}
{{ 'hello wORLD-foo (bar) a.b' | title }} {{ "it's" | title }} {{ 'éa ßx' | title }} {{ 5 | title }} {{ '[x]<y>{z' | title }} {{ 'ǆa' | title }}
[{{ spaces | trim }}] [{{ 'xxaxx' | trim('x') }}] [{{ 5 | trim }}] [{{ missing | trim }}] [{{ '\u00a0a\u3000' | trim }}] [{{ 'abcba' | trim('ab') }}] [{{ none | trim }}] [{{ ' a ' | trim(chars=none) }}]
{{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(11, leeway=0) }} {{ 'foo bar' | truncate(5, false, '!', 0) }} {{ 'abcdefghij' | truncate(5, leeway=0) }}
{{ 'abc' | truncate(1, end='....') }}
{{ [1, 2, 1, 3] | unique | list }} {{ words | unique | list }} {{ words | unique(true) | list }} {{ users | unique(attribute='age') | map(attribute='name') | list }} {{ [1, true, 1.0] | unique | list }}
{{ [[1]] | unique | list }}
{{ 'one two  three-four' | wordcount }} {{ '' | wordcount }} {{ 'é_1 x' | wordcount }}
{{ numbers | length > 2 and words | first == 'pear' }} {{ 'a' ~ 'b' | upper }} {{ ('a' ~ 'b') | upper }} {{ -1 | string }} {{ not 0 | abs }} {{ 1 + 2 | string | length }}
{{ text | upper | lower | replace('o', '0') | length }} {{ text|upper|first }} {{ (text | list | sort | join | trim)[:4] }}
{{ text | upper(1) }}
{{ text | replace('a') }}
{{ numbers | join(',', 'a', 'b') }}
{{ text | default(1, 2, 3) }}
{{ text | default(foo=1) }}
"""

TOJSON = r"""
{{ point | tojson }} {{ mixed | tojson }} {{ unicode | tojson }} {{ html | tojson }} {{ none | tojson }} {{ true | tojson }} {{ 1.0 | tojson }} {{ 1e20 | tojson }} {{ 1e-7 | tojson }}
{{ point | tojson(indent=2) }} {{ mixed | tojson(indent=4) }} {{ hollow | tojson(indent=2) }} {{ blank | tojson(indent=2) }} {{ [[], {}] | tojson(indent=1) }} {{ [1] | tojson(indent=0) }} {{ {'a': [1]} | tojson(indent='\t') }}
{{ point | tojson(separators=(',', ':')) }} {{ point | tojson(indent=2, separators=(', ', ': ')) }} {{ {'b': 1, 'a': {'d': 1, 'c': 2}} | tojson(sort_keys=true) }} {{ unicode | tojson(ensure_ascii=true) }} {{ unicode | tojson(true) }}
{{ '\x00\x1f\x7f\u2028"\\/\b\f\n\r\t' | tojson }} {{ {1: 'a', 1.5: 'b', true: 'c', none: 'd'} | tojson }} {{ (1, (2,)) | tojson }} {{ big | tojson }} {{ -0.0 | tojson }} {{ ('inf' | float) | tojson }} {{ ('nan' | float) | tojson }} {{ 123456789.123 | tojson }}
{{ missing | tojson }}
{{ range(3) | tojson }}
{{ point.items() | tojson }}
{{ {(1, 2): 3} | tojson }}
{{ [missing] | tojson }}
{{ {'a': 1, 2: 3} | tojson(sort_keys=true) }}
{{ namespace() | tojson }}
{{ (html | e) | tojson }} {{ [html | safe] | tojson }} {{ {'z': 1} | tojson | upper }} {{ messages | tojson | length }} {{ point | tojson(none, 2) }} {{ point | tojson(indent=none) }}
{{ {'a': 1} | tojson(indent=-1) }} {{ [1, 2] | tojson(separators=['; ', '=']) }} {{ {2: 1, 10: 2} | tojson(sort_keys=true) }}
"""

TESTS = r"""
{{ missing is defined }} {{ text is defined }} {{ missing is undefined }} {{ point.nope is defined }} {{ point.x is defined }} {{ none is defined }} {{ missing is not defined }}
{{ none is none }} {{ 0 is none }} {{ missing is none }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}
{{ 1 is integer }} {{ true is integer }} {{ 1.0 is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ 1 is number }} {{ true is number }} {{ 'a' is number }}
{{ 'a' is string }} {{ 1 is string }} {{ point is mapping }} {{ numbers is mapping }} {{ missing is string }} {{ ('a' | e) is string }}
{{ numbers is sequence }} {{ 'a' is sequence }} {{ point is sequence }} {{ 5 is sequence }} {{ range(3) is sequence }} {{ missing is sequence }} {{ (1,) is sequence }} {{ point.keys() is sequence }}
{{ numbers is iterable }} {{ 'a' is iterable }} {{ 5 is iterable }} {{ none is iterable }} {{ missing is iterable }} {{ point.items() is iterable }} {{ range is iterable }}
{{ range is callable }} {{ text.upper is callable }} {{ text is callable }} {{ missing is callable }} {{ namespace is callable }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ 0 is even }} {{ -3 is odd }} {{ 2.0 is even }} {{ true is odd }}
{{ 'a' is odd }}
{{ 9 is divisibleby 0 }}
{{ 'abc' is lower }} {{ 'Abc' is lower }} {{ 'ABC' is upper }} {{ '1' is upper }} {{ '' is lower }} {{ 5 is lower }} {{ none is upper }} {{ 'ß' is lower }}
{{ 1 is sameas 1 }} {{ none is sameas none }} {{ true is sameas true }} {{ 1 is sameas true }} {{ numbers is sameas numbers }} {{ [1] is sameas [1] }}
{{ 1 is in [1] }} {{ 'a' is in 'abc' }} {{ 'x' is in point }} {{ 1 is not in [2] }} {{ 5 is eq 5 }} {{ 5 is equalto 5 }} {{ 5 is ne 4 }} {{ 1 is lt 2 }} {{ 1 is lessthan 2 }} {{ 2 is gt 1 }} {{ 2 is greaterthan 1 }} {{ 2 is ge 2 }} {{ 2 is le 2 }} {{ 'a' is eq('a') }}
{{ 1 is lt 'a' }}
{{ numbers is filter }}
{{ point is test }}
{{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ 'nope' is test }}
{{ (html | e) is escaped }} {{ html is escaped }} {{ (html | safe) is escaped }}
{{ 1 is string or 1 is number }} {{ not 1 is string }} {{ 1 is number and not none is none }} {{ 'a' is string if true else 1 }} {{ (1 is odd) == true }} {{ [1 is odd, 2 is odd] }}
{{ text is defined and text is string and text | length > 3 }} {{ users[0].on is true }} {{ point.y is mapping }} {{ messages[0].content is string and messages[0].content is not mapping }}
{{ 4 is divisibleby 2 and true }} {{ 1 is eq 1 is true }}
{{ 1 is defined(1) }}
{{ 1 is eq }}
"""

METHODS = r"""
[{{ spaces.strip() }}] [{{ spaces.lstrip() }}] [{{ spaces.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abc'.lstrip('ab') }}] [{{ 'abc'.rstrip('bc') }}] [{{ ' a '.strip(none) }}] [{{ 'éaé'.strip('é') }}]
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a b c'.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a b c'.rsplit(' ', 1) }} {{ ' a  b c '.rsplit(none, 1) }} {{ 'a--b--c'.split('--') }} {{ 'aaa'.rsplit('aa') }} {{ 'a b'.split(maxsplit=0) }} {{ '  a b '.rsplit(none, 0) }} {{ 'a\u00a0b\u2003c'.split() }} {{ 'abc'.split('b', 0) }}
{{ 'a'.split('') }}
{{ 'a'.splitlines(none) }}
{{ 'a'.split(1) }}
{{ 'a\nb\r\nc\rd'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }} {{ ''.splitlines() }} {{ '\n'.splitlines() }} {{ 'a\u2028b\x0bc'.splitlines() }} {{ 'a\nb'.splitlines(keepends=true) }}
{{ 'k=v=w'.partition('=') }} {{ 'kv'.partition('=') }} {{ 'k=v=w'.rpartition('=') }} {{ 'kv'.rpartition('=') }}
{{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '-') }} {{ 'é'.replace('', '.') }} {{ 'a'.replace('a', 'b', 0) }} {{ ''.replace('', 'x') }}
{{ 'a'.replace('a') }}
{{ 'a'.replace('a', 1) }}
{{ text.startswith('Hell') }} {{ text.endswith('ld') }} {{ text.startswith(('x', 'H')) }} {{ text.endswith(()) }} {{ text.startswith('World', 7) }} {{ text.endswith('Hello', 0, 5) }} {{ text.startswith('') }} {{ ''.startswith('', 1) }}
{{ text.startswith(['H']) }}
{{ text.startswith(1) }}
{{ text.find('o') }} {{ text.rfind('o') }} {{ text.find('x') }} {{ text.find('o', 5) }} {{ text.find('o', 5, 6) }} {{ unicode.find('ß') }} {{ text.index('W') }} {{ text.rindex('l') }} {{ text.find('') }} {{ text.rfind('') }} {{ text.find('', 99) }} {{ text.find('o', -4) }}
{{ text.index('x') }}
{{ text.count('l') }} {{ 'aaa'.count('aa') }} {{ 'abc'.count('') }} {{ text.count('l', 4) }} {{ text.count('o', 0, 5) }} {{ 'abc'.count('', 5) }}
{{ ','.join(['a', 'b']) }} {{ ''.join('abc') }} {{ '-'.join([]) }}| {{ ','.join(point) }} {{ ','.join(words | map('upper')) }}
{{ ','.join([1]) }}
{{ ','.join(5) }}
{{ 'aBc'.upper() }} {{ 'aBc'.lower() }} {{ 'aBc dEf'.title() }} {{ 'aBc'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'Straße'.casefold() }} {{ "they're".title() }} {{ 'ΌΣΟΣ'.lower() }} {{ 'ŉ ﬁ'.upper() }}
{{ 'TestX'.removeprefix('Test') }} {{ 'TestX'.removesuffix('X') }} {{ 'TestX'.removeprefix('x') }}
[{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '*') }}] [{{ 'a'.center(4, '-') }}] [{{ 'ab'.center(5, '-') }}] [{{ '42'.zfill(5) }}] [{{ '-42'.zfill(5) }}] [{{ '+1'.zfill(1) }}] [{{ 'a\tb'.expandtabs() }}] [{{ 'a\tbc\td'.expandtabs(4) }}] [{{ 'é'.rjust(3, 'ü') }}] [{{ ''.zfill(2) }}]
{{ 'a'.ljust(3, 'xx') }}
{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ' \t'.isspace() }} {{ ''.isspace() }} {{ 'Ab C'.istitle() }} {{ 'Ab c'.istitle() }} {{ 'ab'.islower() }} {{ 'AB1'.isupper() }} {{ 'é'.isascii() }} {{ 'a\n'.isprintable() }} {{ 'a_1'.isidentifier() }} {{ '1a'.isidentifier() }} {{ ''.isascii() }} {{ 'é'.isalpha() }} {{ ''.isalnum() }}
{{ '{} {}'.format('a', 1) }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{name}!'.format(name='x') }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') }} {{ '{!r}'.format('q') }} {{ '{x[a]}{y[0]}'.format(x={'a': 1}, y=[2]) }} {{ '{:5}|{:5}'.format('a', 1) }} {{ '{:*^7}'.format('mid') }} {{ '{!s:>4}'.format(1) }}
{{ '{}'.format() }}
{{ '{'.format() }}
{{ '}'.format() }}
{{ '{x}'.format(y=1) }}
{{ text.upper(1) }}
{{ text.strip(1) }}
{{ text.split('l')[0].strip().upper() + text[-1] }} {{ text.split(' ')[-1].rstrip('d') }} {{ (text.split('</think>')[-1]).lstrip('\n') }} {{ 'a</think>b'.split('</think>')[0].split('<think>')[-1] }}
{{ point.get([1]) }}
{{ point.get() }}
{{ point.keys(1) }}
{{ 'abc'[::-1].upper() }} {{ ('abc' | e).upper() }} {{ ('<' | e).replace('&', '<') }} {{ ('a' | e).join(['<', '>']) }} {{ (html | e).split('&') }}
"""

WHITESPACE = [
    "{{ 'a\\\nb' }}", "{% if yes %}\na\n{% endif %}\nb\n", "  {% if yes %}\n  a\n  {% endif %}\n  b", "a {%- if yes -%} b {%- endif -%} c",
    "a\n  {%- if yes %}\n  b\n  {%- endif %}\nc", "  {%+ if yes %}x{% endif %}", "  {%+ if yes +%}\nx{% endif +%}\ny",
    "{% if yes -%}\n\n  a\n{%- endif %}\n\n b", "a\n\n", "a\n", "\n", "\n\n", "a\r\nb\rc\n", "{{ one }}\n{{ one }}\n", "  {{ one }}  \n",
    "a {{- one -}} b", "a {{+ one }} b", "{{ one }}\n\n{{- one }}", "x {# c #}\ny", "  {# c #}\n  y", "x\n  {#- c -#}\n y", "  {#+ c #}\ny",
    "{% raw %}\n {{ x }} \n{% endraw %}\ny", "  {% raw %}\nx\n  {% endraw %}\ny", "a {%- raw -%}\n x {%- endraw -%}\n b", "{%+ raw %} x {%+ endraw %} y",
    "{%raw%}{{x}}{%endraw%}", "{% raw %}{% endraw", "a\t{% if yes %}b{% endif %}\t\n", "\u00a0{% if yes %}x{% endif %}", "\u2003{%- if yes %}x{% endif %}",
    "{% for n in numbers %}\n  {{ n }}\n{% endfor %}\n", "{% for n in numbers -%}\n  {{ n }}\n{%- endfor %}", "{%- for n in numbers %}\n{{- n }}\n{%- endfor -%}\n\n",
    "  {% set x = 1 %}  {% set y = 2 %}\n{{ x }}{{ y }}", "a\n  {% set x = 1 %}\n  b", "{%set x=1%}{{x}}", "{{one}}{{-one-}} {{one}}", "{% if yes %}{% endif %}\n\n\na",
    "{% macro m() %}\n  x\n{% endmacro %}\n{{ m() }}", "{%- macro m() -%}\n  x\n{%- endmacro -%}\n{{ m() }}|", "{{ '\n' }}", "{{ '\r\n' | length }}", "{{ 'a\n  b' }}",
    "{{ {'a': {'b': 1}} }}", "{{ {'a':{'b':1}}}}", "{{ '}}' }}", "{{ '%}' }}", "{% set x = '%}' %}{{ x }}", "{# {{ x }} {% if %} #}z", "{", "{ {", "}}", "%}", "#}", "{ % x % }",
    "a{#\n#}\nb", "   \n  {% if yes %}x{% endif %}", "x  {% if yes %}y{% endif %}", "{{ one -}}\n\n {{- one }}", "{%   if   yes   %}x{%endif%}", "{{\none\n}}", "{%\nif yes\n%}x{% endif\n%}",
    "a\n{%- set x = 1 %}\n\nb", "a\n{%- set x = 1 -%}\n\nb", "<|im_start|>{{ one }}\n", "{{ '{{' }}{{ '{%' }}", "{{ 1 }}{# c #}{{ 2 }}", "{% if yes %}  \n  x{% endif %}", "{% if no %}a{% else %}\n  b\n{% endif %}",
    "\ufeffa", "é{% if yes %}ü{% endif %}", "{% if yes %}\r\na\r\n{% endif %}\r\n", "a{# x -#}  b", "{{ [1,\n 2] }}", "{{ 'a' -}}  \n\t b", "{% if yes +%}\na{%+ endif %}\n",
]

SYNTAX_ERRORS = r"""
{{
{{ 1
{% if
{% if yes %}
{% for x in y %}
{{ }}
{% %}
{{ 1 + }}
{{ (1 }}
{{ 1) }}
{{ [1 }}
{{ [1) }}
{{ {'a' 1} }}
{{ {'a': } }}
{{ 'abc }}
{{ a b }}
{{ a. }}
{{ a.'b' }}
{{ a[] }}x{{ a[1 }}
{{ 1 | }}
{{ 1 is }}
{{ f(a=1, 2) }}
{{ f(**a, *b) }}
{{ f(**a, b) }}
{{ f(,) }}
{% else %}
{% endif %}
{% endfor %}
{% if yes %}{% endfor %}
{% for in x %}{% endfor %}
{% for x y %}{% endfor %}
{% for 1 in x %}{% endfor %}
{% for x in %}{% endfor %}
{% set %}
{% set 1 = 2 %}
{% set x = %}
{% set true = 1 %}
{% set x.y.z = 1 %}
{% set x[0] = 1 %}
{% set x %}
{% macro %}{% endmacro %}
{% macro m %}{% endmacro %}
{% macro m( %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(a, a) %}{% endmacro %}
{% macro m(1) %}{% endmacro %}
{% macro true() %}{% endmacro %}
{% call x %}{% endcall %}
{% filter %}{% endfilter %}
{% with a %}{% endwith %}
{% break %}
{% continue %}
{% for x in numbers %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for x in numbers %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% for x in numbers %}{% else %}{% break %}{% endfor %}
{% nope %}
{% 1 %}
{% if yes %}{% else %}{% else %}{% endif %}
{% if yes %}{% else %}{% elif no %}{% endif %}
{# unclosed
{% raw %}
{% raw %}x
{#
{{ 1 ! 2 }}
{{ a ? b }}
{{ $x }}
{{ 1 === 2 }}
{{ a & b }}
{{ a; b }}
{{ 'a' 1 }}
{{ 1 'a' }}
{{ 007 }}
{{ 1__0 }}
{{ 0x }}
{{ '\x4' }}
{{ '\u12' }}
{{ not }}
{{ and 1 }}
{{ 1 and }}
{{ 1 if }}
{{ 1 if 1 else }}
{{ 1 in }}
{{ 1 not 2 }}
{{ 1 is odd is even }}
{{ * }}
{{ [*numbers] }}
{{ {**point} }}
{{ x for x in y }}
{{ [x for x in numbers] }}
{{ lambda x: x }}
{{ a := 1 }}
{{ x = 1 }}
{% for x in numbers recursive if yes %}{% endfor %}
{% for loop in numbers %}{{ loop.index }}{% endfor %}
{% for x in numbers %}{% set loop = 1 %}{% endfor %}
{{ f(a=1, a=2) }}
{% if yes %}a{% end %}
{% endset %}
{% endraw %}
{{ {1, 2} }}
{{ (1, }}
{{ 1.2.3 }}
{% set a, 1 = 1, 2 %}
{{ numbers[1:2:3:4] }}
{% include %}
{% extends %}
"""

# What Jinja2 renders, or accepts until that part of a template is reached, and what we refuse when the template is
# loaded: the snippet and what the refusal names.
REFUSED = {
    "{% if no %}{{ x | nope }}{% endif %}": "filter 'nope'",
    "{% if no %}{{ x is nope }}{% endif %}": "test 'nope'",
    "{% if no %}{{ nope(1) }}{% endif %}": "function 'nope'",
    "{{ text.encode() }}": "method 'encode'",
    "{{ seven.bit_length() }}": "method 'bit_length'",
    "{{ text.translate({}) }}": "method 'translate'",
    "{{ lipsum(n=1, html=false) }}": "function 'lipsum'",
    "{{ numbers | pprint }}": "filter 'pprint'",
    "{{ numbers | random }}": "filter 'random'",
    "{{ users | groupby('age') }}": "filter 'groupby'",
    "{{ html | striptags }}": "filter 'striptags'",
    "{{ text | urlencode }}": "filter 'urlencode'",
    "{{ text | urlize }}": "filter 'urlize'",
    "{{ text | wordwrap }}": "filter 'wordwrap'",
    "{{ blank | xmlattr }}": "filter 'xmlattr'",
    "{{ seven | filesizeformat }}": "filter 'filesizeformat'",
    "{% if no %}{% include 'x' %}{% endif %}": "tag 'include'",
    "{% if no %}{% import 'x' as y %}{% endif %}": "tag 'import'",
    "{% if no %}{% from 'x' import y %}{% endif %}": "tag 'from'",
    "{% block b %}{% endblock %}": "tag 'block'",
    "{% autoescape true %}{% endautoescape %}": "tag 'autoescape'",
    "{% print 1 %}": "tag 'print'",
    "{{ [] | map('nope') }}": "filter 'nope'",
    "{{ [] | select('nope') }}": "test 'nope'",
    "{{ users | selectattr('on', 'nope') }}": "test 'nope'",
    "{{ numbers[1, 2] }}": "index of several values",
    "{{ '\\N{BULLET}' }}": "escape \\N",
}

# What we refuse when a rendering comes to it: Python would print an address, or needs more than 128 bits.
REFUSED_AT_RENDER = {
    "{{ range }}": "address",
    "{{ text.upper }}": "address",
    "{{ {'keys': 7}.keys }}": "address",
    "{{ numbers | map('string') }}": "address",
    "{{ numbers | reverse }}": "address",
    "{% macro m() %}{% endmacro %}{{ m }}": "address",
    "{{ 2 ** 200 }}": "128 bits",
    "{{ '%e' % 1.5 }}": "conversion '%e'",
    "{{ '{:.2f}'.format(1.5) }}": "format specification",
    "{{ (-8) ** 0.5 }}": "complex",
}

GROUPS = {
    "literals": LITERALS, "operators": OPERATORS, "access": ACCESS, "statements": STATEMENTS, "filters": FILTERS,
    "tojson": TOJSON, "tests": TESTS, "methods": METHODS, "whitespace": WHITESPACE, "syntax": SYNTAX_ERRORS,
}


def snippets(group):
    """Each line of a group; and, as one wrong expression hides those after it, each of its {{ … }} alone."""
    made = GROUPS[group]
    if not isinstance(made, str):
        return made
    lines = [line for line in made.split("\n") if line]
    alone = [part + "}}" for line in lines if "{%" not in line for part in line.split("}}") if "{{" in part]
    return list(dict.fromkeys(lines + [part[part.index("{{"):] for part in alone]))
