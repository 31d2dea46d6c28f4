"""Pictures that people look at: predictions, what is true, heat maps, and sheets of them.

All commands draw with this folder: predict, report, explain, demo, the dry run, finetune and the
quickstart. The pages of report, explain and demo have its colours too.
"""
from .colors import (LEGEND, MARK, MISSED, PALETTE, RIGHT, WRONG, Color, css_variables, to_hex,
                     web_palette)
from .heat import bars, heat_colors, overlay, signed_colors
from .labels import label_picture
from .objects import color_of, draw, mark_box, missed, right, wrong
from .sheets import Cell, draw_sheet, enlarge, fit, save_picture, strip, write_lines

__all__ = [
    'LEGEND', 'MARK', 'MISSED', 'PALETTE', 'RIGHT', 'WRONG', 'Cell', 'Color', 'bars', 'color_of',
    'css_variables', 'draw', 'draw_sheet', 'enlarge', 'fit', 'heat_colors', 'label_picture',
    'mark_box', 'missed', 'overlay', 'right', 'save_picture', 'signed_colors', 'strip', 'to_hex',
    'web_palette', 'write_lines', 'wrong'
]
