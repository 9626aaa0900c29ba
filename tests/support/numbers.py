"""Numbers as a hand draws them on the page."""

from PIL import Image, ImageDraw

from tests.support.strokes import DIGITS, Stroke

_SIDE, _PEN = 100, 9  # pixels


def draw_number(text: str, step: float = 1.0) -> tuple[Image.Image, list[Stroke]]:
    """Return a number, black on a transparent canvas of mode RGBA, and its strokes in pixels.

    Args:
        text: its digits; rows are joined by a newline.
        step: from one digit to the next, in sides of the square on which each is drawn. With less than half of one
            they touch.
    """
    rows = text.split("\n")
    strokes = [
        [(_SIDE * (x + column * step), _SIDE * (y + row)) for x, y in stroke]
        for row, digits in enumerate(rows)
        for column, digit in enumerate(digits)
        for stroke in DIGITS[digit]
    ]
    widest = max(map(len, rows))
    canvas = Image.new("RGBA", (round(_SIDE * (1 + (widest - 1) * step)), _SIDE * len(rows)))
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        pen.line(stroke, fill="black", width=_PEN, joint="curve")
    return canvas, strokes
