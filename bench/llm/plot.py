"""Lines over a few values of one quantity, as SVG without any library."""

import math
from dataclasses import dataclass
from html import escape

from figures import number

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 44, 52
COLOURS = {"Marquee": "#c2410c", "llama.cpp": "#1d4ed8", "OpenVINO GenAI": "#15803d", "transformers": "#7e22ce"}


@dataclass
class Line:
    name: str
    points: dict[int, float]
    dashed: bool = False  # a limit, not a measurement


def nice_step(highest: float, steps: int = 5) -> float:
    """1, 2 or 5 times a power of ten, of which at most `steps` reach over `highest`."""
    power = 10.0 ** math.floor(math.log10(highest / steps))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * steps >= highest * (1 - 1e-9))


def _frame(title: str, x_label: str, y_label: str) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<title>{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>',
    ]


def draw(title: str, x_label: str, y_label: str, lines: list[Line]) -> str:
    """Each x stands at the same distance from the next; y begins at 0."""
    lines = [line for line in lines if line.points]
    xs = sorted({x for line in lines for x in line.points})
    highest = max((y for line in lines for y in line.points.values()), default=1.0)
    step = nice_step(highest)
    top = step * max(1, -(-highest // step))
    place_x = {x: LEFT + 20 + i * (WIDTH - LEFT - RIGHT - 40) / max(1, len(xs) - 1) for i, x in enumerate(xs)}

    def place_y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    parts = _frame(title, x_label, y_label)
    for i in range(round(top / step) + 1):
        y = place_y(i * step)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#d4d4d4"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(i * step) if i else "0"}</text>')
    for x in xs:
        parts.append(f'<text x="{place_x[x]:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,}</text>')
    for i, line in enumerate(lines):
        parts += _draw_line(line, i, place_x, place_y)
    return "\n".join(parts + ["</svg>"]) + "\n"


def _draw_line(line: Line, index: int, place_x: dict[int, float], place_y) -> list[str]:
    colour = "#525252" if line.dashed else COLOURS.get(line.name, "#a16207")
    dash = ' stroke-dasharray="6 4"' if line.dashed else ""
    places = [(place_x[x], place_y(y)) for x, y in sorted(line.points.items())]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    legend_x, legend_y = WIDTH - RIGHT + 14, TOP + 12 + 22 * index
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>']
    if not line.dashed:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    parts.append(f'<line x1="{legend_x}" y1="{legend_y - 4}" x2="{legend_x + 22}" y2="{legend_y - 4}" stroke="{colour}" '
                 f'stroke-width="2"{dash}/>')
    parts.append(f'<text x="{legend_x + 28}" y="{legend_y}">{escape(line.name)}</text>')
    return parts
