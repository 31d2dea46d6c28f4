"""Files on their way from the page to a folder."""
import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..datasets.class_folders import IMAGE_SUFFIXES
from ..datasets.readers import VIDEO_SUFFIXES

_MAX_NAME = 120


def plain_name(name: str) -> str:
    """A name without folders and without characters that cannot be shown."""
    last = name.replace('\\', '/').rpartition('/')[2]
    shown = ''.join(letter for letter in last if letter.isprintable())
    return shown[-_MAX_NAME:].lstrip('-') if shown.strip('. -') else 'upload'


async def receive(request: Request, folder: Path, name: str, megabytes: int) -> Path:
    """Write the body of a request to a file, which is not called as the user says.

    Args:
        request (Request): Its body is the file.
        folder (Path): Where the file goes.
        name (str): What the user calls it; a known suffix is kept.
        megabytes (int): Largest size.

    Returns:
        Path: The file.

    Raises:
        HTTPException: If it is larger, or empty.
        ClientDisconnect: If the rest never came.
    """
    too_large = HTTPException(
        413, f'{name} is larger than {megabytes} MB, which the page takes; python -m mvitv2_mm '
        'predict has no such limit')
    limit, size = megabytes * 10**6, 0
    if int(request.headers.get('content-length', 0)) > limit:
        raise too_large
    suffix = os.path.splitext(name)[1].lower()
    path = folder / f'upload{suffix if suffix in (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES) else ""}'
    with path.open('wb') as file:
        async for block in request.stream():
            size += len(block)
            if size > limit:
                raise too_large
            file.write(block)
    if not size:
        raise HTTPException(400, f'{name} is empty')
    return path
