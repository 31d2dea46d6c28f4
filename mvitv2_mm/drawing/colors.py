"""All colours of pictures, charts and pages, told apart with any kind of colour vision.

The palette is that of Okabe and Ito (2008).
"""
from typing import Dict, List, Tuple

Color = Tuple[int, int, int]

# of classes and tracks, in an order in which neighbours differ most; the next round is darker
PALETTE: Tuple[Color, ...] = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
                              (86, 180, 233), (213, 94, 0), (240, 228, 66))
_SHADES = (1., 0.7, 0.5)
# what is right, wrong and missed; a missed object also has a dashed outline
RIGHT: Color = (0, 114, 178)
WRONG: Color = (213, 94, 0)
MISSED: Color = (240, 228, 66)
LEGEND = 'blue: right, orange: wrong, yellow and dashed: missed'
# a chosen point, and what it attends to
MARK: Color = (252, 180, 40)
BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
# of pages: text, text that matters less, lines, two grounds, and errors, dark enough for text
_PAGE: Dict[str, Color] = dict(
    ink=(27, 31, 36),
    soft=(87, 96, 106),
    line=(208, 215, 222),
    ground=(240, 243, 246),
    glow=(232, 243, 250),
    error=(166, 58, 0),
    right=RIGHT,
    wrong=WRONG,
    mark=MARK)


def nth_color(number: int) -> Color:
    """Colour of a class or a track."""
    shade = _SHADES[number // len(PALETTE) % len(_SHADES)]
    return tuple(round(shade * part) for part in PALETTE[number % len(PALETTE)])


def text_color(ground: Color) -> Color:
    """Black or white, whichever has more contrast to a ground."""
    linear = [(part / 255)**2.2 for part in ground]
    luminance = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear))
    return BLACK if luminance > 0.18 else WHITE


def to_hex(color: Color) -> str:
    """'#rrggbb', as web pages and matplotlib read it."""
    return '#%02x%02x%02x' % color


def css_variables() -> str:
    """The colours of a page, such as ``var(--right)``, as the first line of its style sheet."""
    values = ';'.join(f'--{name}:{to_hex(color)}' for name, color in _PAGE.items())
    return f':root{{{values}}}\n'


def web_palette() -> List[dict]:
    """The colours of classes for a script: 'ground' and the 'text' that is read on it."""
    colors = [nth_color(number) for number in range(len(PALETTE) * len(_SHADES))]
    return [dict(ground=to_hex(color), text=to_hex(text_color(color))) for color in colors]
