"""Files that are either complete or not there, and where the files of a package are."""
import json
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterator, Optional, Union
from uuid import uuid4


@contextmanager
def replaced(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a path to write to in place of ``path``, which is replaced if all goes well.

    Missing folders are made. After an error ``path`` is as before, and nothing lies beside it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem}.{uuid4().hex}{path.suffix}')
    temporary.touch()
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)  # safetensors lets only the owner read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Union[str, Path], text: str) -> None:
    """Write a text file, whole or not at all; see :func:`replaced`."""
    with replaced(path) as temporary:
        temporary.write_text(text)


def to_json(value: Any, indent: Optional[int] = None) -> str:
    """JSON of a value, where arrays and tensors become lists, and what JSON has not, text."""
    return json.dumps(value, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, 'tolist') else str(value)


def repository_folder(package: str = 'mvitv2_mm') -> Path:
    """Where the configs, tools and model index of an OpenMMLab package are, without importing it.

    Args:
        package (str): Name that the package is imported by. Defaults to 'mvitv2_mm'.

    Returns:
        Path: The folder ``.mim`` in an installed wheel, else the checkout around the package.

    Raises:
        FileNotFoundError: If the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f'the package "{package}" is not installed')
    folder = Path(spec.origin).parent
    return folder / '.mim' if (folder / '.mim').is_dir() else folder.parent
