# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG: axes with units, labels beside what they name, shapes as well as colours, legible on light and dark."""
import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 76, 176, 56, 60

STYLE = """
  svg { background: #ffffff; font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
  text { fill: #1f2328; } .title { font-size: 16px; font-weight: 600; } .soft { fill: #57606a; }
  .grid { stroke: #d8dee4; } .axis { stroke: #57606a; } .limit { stroke: #57606a; stroke-dasharray: 6 4; }
  .c0 { --c: #0b5cad; } .c1 { --c: #a33b00; } .c2 { --c: #5f6b76; } .c3 { --c: #1a7f37; }
  .line { fill: none; stroke: var(--c); stroke-width: 2; } .mark { fill: var(--c); } .name { fill: var(--c); font-weight: 600; }
  .twin { fill: none; stroke: var(--c); stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #e6edf3; } .soft { fill: #9da7b1; }
    .grid { stroke: #2b323b; } .axis, .limit { stroke: #9da7b1; }
    .c0 { --c: #6cb6ff; } .c1 { --c: #ff9a5c; } .c2 { --c: #adbac7; } .c3 { --c: #6bc46d; }
  }
"""


@dataclasses.dataclass(frozen=True)
class Chart:
    """`name`: of its file, without .svg. `alternative`: what it shows, in words."""
    name: str
    title: str
    alternative: str
    svg: str


@dataclasses.dataclass(frozen=True)
class Series:
    label: str
    points: tuple  # (x, y)


@dataclasses.dataclass(frozen=True)
class Bar:
    label: str
    value: float
    twin: float     # drawn as an outline: the same without what is measured
    colour: int = 0


def line_chart(name, title, x_label, y_label, series, alternative):
    """x on a logarithmic scale of tens, y from zero."""
    height = 420
    xs = [x for each in series for x, _ in each.points]
    low, high = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    step, top = _steps(max(y for each in series for _, y in each.points))
    across = lambda x: LEFT + (math.log10(x) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    up = lambda y: height - BOTTOM - y / top * (height - TOP - BOTTOM)
    parts = []
    for number in range(round(top / step) + 1):
        y = up(number * step)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{number * step:,.0f}", anchor="end"))
    for power in range(low, high + 1):
        x = across(10 ** power)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{height - BOTTOM}" y2="{height - BOTTOM + 5}"/>')
        parts.append(_text(x, height - BOTTOM + 20, f"{10 ** power:,}", anchor="middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(0):.1f}" y2="{up(0):.1f}"/>')
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 14, x_label, "soft", "middle"))
    parts.append(_text(16, TOP - 14, y_label, "soft"))
    names = _apart([up(each.points[-1][1]) for each in series])
    for index, (each, name_y) in enumerate(zip(series, names)):
        places = [(across(x), up(y)) for x, y in each.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<g class="c{index % 4}"><polyline class="line" points="{path}"/>'
                     + "".join(_mark(index, x, y) for x, y in places)
                     + _text(places[-1][0] + 12, name_y + 4, each.label, "name") + "</g>")
    return Chart(name, title, alternative, _document(height, title, alternative, parts))


def bar_chart(name, title, x_label, bars, alternative):
    """Lying bars, each inside the outline of its twin."""
    row, left = 46, 190
    height = TOP + row * len(bars) + BOTTOM
    step, top = _steps(max(max(bar.value, bar.twin) for bar in bars))
    right = 90
    across = lambda value: left + value / top * (WIDTH - left - right)
    parts = []
    for number in range(round(top / step) + 1):
        x = across(number * step)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - BOTTOM}"/>')
        parts.append(_text(x, height - BOTTOM + 18, f"{number * step:,.0f}", anchor="middle"))
    for index, bar in enumerate(bars):
        y = TOP + row * index
        parts.append(f'<g class="c{bar.colour}"><rect class="mark" x="{left}" y="{y + 6}" height="{row - 20}" '
                     f'width="{across(bar.value) - left:.1f}"/><rect class="twin" x="{left}" y="{y + 2}" '
                     f'height="{row - 12}" width="{across(bar.twin) - left:.1f}"/></g>')
        parts.append(_text(left - 10, y + row / 2, bar.label, anchor="end"))
        end = max(across(bar.value), across(bar.twin))
        parts.append(_text(end + 8, y + row / 2, f"{bar.value:,.0f}"))
    parts.append(_text((left + WIDTH - right) / 2, height - 14, x_label, "soft", "middle"))
    return Chart(name, title, alternative, _document(height, title, alternative, parts))


def _document(height, title, alternative, parts):
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img" aria-labelledby="title alternative">\n<title id="title">{escape(title)}</title>\n'
            f'<desc id="alternative">{escape(alternative)}</desc>\n<style>{STYLE}</style>\n'
            f'{_text(16, 26, title, "title")}\n{body}\n</svg>\n')


def _text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}"' + (f' class="{kind}"' if kind else "")
            + (f' text-anchor="{anchor}"' if anchor != "start" else "") + f">{escape(words)}</text>")


def _mark(index, x, y):
    shapes = ('<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
              '<rect class="mark" x="{a:.1f}" y="{b:.1f}" width="8" height="8"/>',
              '<path class="mark" d="M{x:.1f} {b:.1f}l5 9h-10z"/>',
              '<path class="mark" d="M{x:.1f} {c:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>')
    return shapes[index % 4].format(x=x, y=y, a=x - 4, b=y - 4, c=y - 5.5)


def _steps(highest):
    """The distance of the grid's lines, and the end of the scale."""
    rough = highest / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return step, step * math.ceil(highest / step)


def _apart(places, distance=17):
    """The places, moved so that labels do not lie over each other."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in zip(order, order[1:]):
        moved[after] = max(moved[after], moved[before] + distance)
    return moved
