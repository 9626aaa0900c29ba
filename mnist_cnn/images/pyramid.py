"""Views of parts of a picture at any size, each in a time that depends on the view's size alone."""

from PIL import Image

Area = tuple[float, float, float, float]  # left, top, right, bottom, in fractions of the picture's pixels


class Pyramid:
    """A picture at its full size and, as soon as they are asked for, at a half, a quarter and so on.

    Williams 1983, "Pyramidal parametrics".

    Attributes:
        size: width and height of the picture, in pixels.
    """

    def __init__(self, picture: Image.Image) -> None:
        """Take a picture of mode L or RGB."""
        self.size = picture.size
        self._levels = [picture]

    @property
    def area(self) -> Area:
        """The whole picture."""
        return 0.0, 0.0, float(self.size[0]), float(self.size[1])

    def view(self, area: Area, size: tuple[int, int]) -> Image.Image:
        """Return an area of the picture, scaled to a width and height in pixels."""
        level, scale = 0, 1
        # The smallest level that isn't smaller than the view.
        while (area[2] - area[0]) / (2 * scale) >= size[0] and (area[3] - area[1]) / (2 * scale) >= size[1]:
            level, scale = level + 1, scale * 2
            if level == len(self._levels):
                self._levels.append(self._levels[-1].reduce(2))
        width, height = self._levels[level].size
        left, top, right, bottom = (end / scale for end in area)
        box = left, top, min(right, width), min(bottom, height)
        return self._levels[level].resize(size, Image.Resampling.BILINEAR, box)
