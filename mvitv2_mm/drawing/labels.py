"""Text on pictures, in any script that some font on the machine has."""
from functools import lru_cache
from pathlib import Path
from typing import FrozenSet, Tuple

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from .colors import Color


@lru_cache(maxsize=4096)
def label_picture(text: str, size: int, background: Color, max_width: int) -> np.ndarray:
    """A line of text on a coloured ground; what does not fit ends in an ellipsis.

    Args:
        text (str): The text.
        size (int): Height of the letters in pixels.
        background (Color): RGB colour of the ground; the text is black or white.
        max_width (int): Largest width in pixels.

    Returns:
        np.ndarray: RGB pixels (H, W, 3) of uint8, not to be written to.
    """
    text = ' '.join(text.split()) or ' '
    font = ImageFont.truetype(_font_with(frozenset(text)), size)
    pad = max(2, size // 5)
    room = max(max_width - 2 * pad, 1)
    if font.getlength(text) > room:
        while text and font.getlength(f'{text}…') > room:
            text = text[:-1]
        text += '…'
    ascent, descent = font.getmetrics()
    width = min(int(np.ceil(font.getlength(text))), room) + 2 * pad
    image = Image.new('RGB', (width, ascent + descent + pad), background)
    is_bright = np.dot(background, (0.299, 0.587, 0.114)) > 140
    ImageDraw.Draw(image).text((pad, pad // 2), text, (0, 0, 0) if is_bright else (255, ) * 3, font)
    return np.asarray(image)


@lru_cache(maxsize=1024)
def _font_with(letters: FrozenSet[str]) -> str:
    """A font that has all letters; if there is none, one that shows frames in their places."""
    usual = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf')
    codes = {ord(letter) for letter in letters}
    if codes <= _letters_of(usual):
        return usual
    return next((path for path in _system_fonts() if codes <= _letters_of(path)), usual)


@lru_cache(maxsize=1)
def _system_fonts() -> Tuple[str, ...]:
    return tuple(sorted(font_manager.findSystemFonts()))


@lru_cache(maxsize=None)
def _letters_of(path: str) -> FrozenSet[int]:
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
