"""JSON that other programs have written."""
import json
import math
from types import MappingProxyType
from typing import Any, Mapping, Optional

NUMBER = (int, float)
ID = (int, str)
Types = Mapping[str, tuple]


def read_json(path: str) -> Any:
    """Content of a JSON file, with or without a byte-order mark.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON; the line is named.
    """
    try:
        with open(path, encoding='utf-8-sig') as file:
            return json.load(file)
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}, line {error.lineno}: not valid JSON: {error.msg}') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8 ({error.reason}, byte {error.start}); save '
                         'it as UTF-8') from None


def entry_fault(entry: Any, needed: Types, optional: Types = MappingProxyType({})) -> Optional[str]:
    """What is wrong with an entry of a JSON file that lacks a key or has a value of another type.

    Args:
        entry (Any): What should be a dict.
        needed (dict[str, tuple]): Types of the values that must be there.
        optional (dict[str, tuple]): Types of those that may be absent or null. Defaults to none.
    """
    if not isinstance(entry, dict):
        return f'should be an object with {", ".join(needed)}, but is {str(entry)[:80]}'
    for key, types in (*needed.items(), *optional.items()):
        value = entry.get(key)
        if value is None:
            if key in needed:
                return f'has no "{key}": {str(entry)[:100]}'
        elif not isinstance(value, types) or isinstance(value, float) and not math.isfinite(value):
            return f'"{key}" is {json.dumps(value)[:80]}, which is no {_name(types)}'
    return None


def _name(types: tuple) -> str:
    return 'number' if types == NUMBER else ' or '.join(t.__name__ for t in types)
