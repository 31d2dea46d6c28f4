"""What the readers of several formats need."""
import json
from pathlib import Path
from typing import Any, Iterable, Sequence


def read_json(path: Path) -> Any:
    """Content of a JSON file, with or without a byte-order mark.

    Raises:
        ValueError: If it is not JSON; the line is named.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}, line {error.lineno}: not valid JSON: {error.msg}') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8: {error.reason}') from None


def check_new_classes(classes: Sequence[str], names: Iterable[str], where: str) -> None:
    """Raise ValueError if a split has classes that the training does not have."""
    new = sorted(set(names) - set(classes))
    if new:
        raise ValueError(f'{where} has the classes {str(new)[1:-1][:200]}, which the training data '
                         f'does not have ({str(list(classes))[1:-1][:200]}); rename or remove them')
