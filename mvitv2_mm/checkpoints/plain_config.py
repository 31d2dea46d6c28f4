"""Read a config that is only data, without running a line of it.

Configs of mmengine are programs. What comes with weights from elsewhere, in a model folder or in
the ``meta`` of a checkpoint, is the text that ``Config.pretty_text`` wrote: assignments of literals
and ``dict(...)``. Only these are understood here.
"""
import ast
from pathlib import Path
from typing import Any, Union

from mmengine.config import Config

_NUMBERS = {'inf': float('inf'), 'nan': float('nan')}
_CONSTANTS = (str, int, float, bool, type(None))


def read_plain_config(source: Union[str, Path]) -> Config:
    """Evaluate the syntax tree of a config that holds literals and ``dict(...)`` alone.

    Args:
        source (str | Path): The text itself, or the ``Path`` of a file.

    Returns:
        Config: Its content; tuples stay tuples. It has no file name, so nothing reads it again.

    Raises:
        ValueError: If there is anything else in it, naming the line.
        OSError: If the file cannot be read.
    """
    name = str(source) if isinstance(source, Path) else 'the config'
    try:
        text = source.read_text(encoding='utf-8') if isinstance(source, Path) else source
        return Config(_assignments(ast.parse(text), name))
    except SyntaxError as error:
        raise ValueError(f'{name} is no config: line {error.lineno}: {error.msg}') from None
    except (UnicodeDecodeError, RecursionError, MemoryError, KeyError) as error:
        raise ValueError(f'{name} is no config: {str(error) or type(error).__name__}') from None


def _assignments(module: ast.Module, name: str) -> dict:
    content = {}
    for statement in module.body:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)):
            raise _refusal(statement, name)
        content[statement.targets[0].id] = _value(statement.value, name)
    return content


def _value(node: ast.expr, name: str) -> Any:
    """Value of a literal, in which ``dict(...)`` and the names of special numbers may occur."""
    if isinstance(node, ast.Constant) and isinstance(node.value, _CONSTANTS):
        return node.value
    if isinstance(node, ast.Name) and node.id in _NUMBERS:
        return _NUMBERS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        number = _value(node.operand, name)
        if type(number) in (int, float):
            return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(_value(item, name) for item in node.elts)
    if isinstance(node, ast.Dict):
        return _dict(node, zip(node.keys, node.values), name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        parts = [(None, part) for part in node.args[:1]]  # dict({'a key': ...})
        if len(node.args) <= 1:
            return _dict(node, parts + [(key.arg, key.value) for key in node.keywords], name)
    raise _refusal(node, name)


def _dict(node: ast.expr, items, name: str) -> dict:
    """A dict of pairs; those without a key are dicts whose items it takes."""
    content = {}
    for key, node_of_value in items:
        value = _value(node_of_value, name)
        if key is not None:
            key = _value(key, name) if isinstance(key, ast.expr) else key
            if not isinstance(key, _CONSTANTS):
                raise _refusal(node, name)
            content[key] = value
        elif isinstance(value, dict):
            content.update(value)
        else:
            raise _refusal(node, name)
    return content


def _refusal(node: ast.AST, name: str) -> ValueError:
    code = ' '.join(ast.unparse(node).split())
    return ValueError(f'{name} is refused: line {node.lineno} holds "{code[:60]}", and more '
                      'than literals and dict(...) could run code when read. If you trust its '
                      'authors, save it as a config (.py) and give it with the checkpoint.')
