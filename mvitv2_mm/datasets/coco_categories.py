import json
import re
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from typing import List

from .json_files import read_json

_LIST = re.compile(rb'"categories"\s*:\s*(?=\[)')


def read_categories(path: str) -> List[dict]:
    """The categories in a file of COCO's format, without reading its annotations where possible.

    Those of COCO itself take 20 seconds and 3 GB.

    Raises:
        ValueError: If the file is not valid JSON.
    """
    with suppress(ValueError), open(path, 'rb') as file, \
            mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        places = [match.end() for match in _LIST.finditer(content)]
        if len(places) == 1:
            return _first_list(content, places[0])
    content = read_json(path)
    return (content.get('categories') if isinstance(content, dict) else None) or []


def _first_list(content: mmap, start: int) -> List[dict]:
    """The list that starts at a byte of a file."""
    size = 2**16
    while True:
        text = content[start:start + size].decode('utf-8', 'ignore')
        try:
            return json.JSONDecoder().raw_decode(text)[0]
        except ValueError:
            if start + size >= len(content):
                raise
            size *= 2
