"""What no decoder gets to see: special files, which are waited for without end, and bombs."""
import os
import stat
from contextlib import contextmanager, suppress
from typing import BinaryIO, Iterator, Union

from PIL import Image, UnidentifiedImageError

# width times height; what Pillow takes for an attack by default
MAX_PIXELS = 178_956_970
_SPECIAL = {
    stat.S_IFIFO: 'a named pipe',
    stat.S_IFSOCK: 'a socket',
    stat.S_IFCHR: 'a device',
    stat.S_IFBLK: 'a device',
    stat.S_IFDIR: 'a folder',
}


def check_file(path: str) -> None:
    """Make sure, before it is opened, that a path names a file.

    Opening a named pipe waits until somebody writes into it. A path that names nothing on this
    machine passes: a file backend may read it, or tell why it cannot.

    Args:
        path (str): The path.

    Raises:
        OSError: If it names something else; the message has no path.
    """
    try:
        kind = _SPECIAL.get(stat.S_IFMT(os.stat(path).st_mode))
    except (OSError, ValueError):
        return
    if kind:
        raise OSError(f'is {kind}, not a file')


def check_pixels(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Raise ValueError for more pixels than the limit; the message has no path."""
    if width * height > max_pixels:
        raise ValueError(f'has {width} x {height} pixels (width x height), more than '
                         f'max_pixels={max_pixels}')


def check_picture(path: str, max_pixels: int = MAX_PIXELS) -> None:
    """Make sure that a path names a file, and that it is no picture with too many pixels.

    Files that Pillow does not know pass, and so does what is not on this machine.

    Raises:
        OSError: See :func:`check_file`.
        ValueError: See :func:`check_pixels`.
    """
    check_file(path)
    with suppress(FileNotFoundError, UnidentifiedImageError), open_picture(path, max_pixels):
        pass


@contextmanager
def open_picture(file: Union[str, BinaryIO], max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """A picture of Pillow that is not decoded yet.

    Args:
        file (str | BinaryIO): A path, or an open file.
        max_pixels (int): Limit of width times height. Defaults to that of Pillow, whose limit for
            the whole process is raised to a higher one.

    Raises:
        UnidentifiedImageError: If Pillow does not know this kind of file.
        ValueError: If the picture has more pixels than the limit.
    """
    limit = Image.MAX_IMAGE_PIXELS  # twice as many are an error
    if limit is not None and 2 * limit < max_pixels:
        Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with Image.open(file) as image:
            check_pixels(*image.size, max_pixels)
            yield image
    except Image.DecompressionBombError:
        raise ValueError(f'has more pixels than max_pixels={max_pixels}') from None
