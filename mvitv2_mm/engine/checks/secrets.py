import re
from typing import Any
from urllib.parse import urlsplit

_NAMES = re.compile(r'secret|passw|account_key|access_key|sas_token|connection_string', re.I)


def check_secrets(key: str, value: Any) -> None:
    """Refuse what is secret in a config, because a run writes its config to the log and a file.

    Args:
        key (str): Where the value is in the config.
        value (Any): A part of the config.

    Raises:
        ValueError: If it holds a password or the like; the message does not.
    """
    parts = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, (list, tuple)):
        parts = dict(enumerate(value))
    elif isinstance(value, str) and '://' in value and urlsplit(value).password:
        raise ValueError(f'{key} holds a password, and a run writes its config to the log; give it '
                         'in the environment (docs/scale.md, "Credentials")')
    for name, part in parts.items():
        if isinstance(part, str) and part and _NAMES.search(str(name)):
            raise ValueError(
                f'{key}.{name} is secret, and a run writes its config to the log; give '
                'it in the environment (docs/scale.md, "Credentials")')
        check_secrets(f'{key}.{name}', part)
