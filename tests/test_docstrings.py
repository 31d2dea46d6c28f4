"""Docstrings tell the truth: stated defaults equal the signature, examples run."""
import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / 'mvitv2_mm').rglob('*.py'))
ARGUMENT = re.compile(r'(\*{0,2}\w+) \((.+?)\): (.*)')


def arguments_of(docstring):
    """The ``Args`` section of a Google-style docstring: name -> (type, text)."""
    section = re.search(r'^Args:\n((?: .*\n?|\n)+)', docstring, re.M)
    found, name = {}, None
    for line in section[1].splitlines() if section else ():
        match = ARGUMENT.match(line[4:]) if not line.startswith(' ' * 5) else None
        if match:
            name = match[1]
            found[name] = (match[2], match[3])
        elif name:
            found[name] = (found[name][0], f'{found[name][1]} {line.strip()}')
    return found


def defaults_of(function):
    """Parameter name -> syntax tree of its default."""
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    pairs = [
        *zip(positional[len(positional) - len(args.defaults):], args.defaults),
        *zip(args.kwonlyargs, args.kw_defaults)
    ]
    return {arg.arg: default for arg, default in pairs if default is not None}


def disagreement(type_text, text, default):
    """What is wrong with the stated default of one argument, or ''."""
    try:
        value = ast.literal_eval(default)
    except ValueError:  # an expression, e.g. a named constant
        return ''
    if value is None and ('optional' in type_text or 'None' in type_text):
        return ''  # prose may say what None means
    stated = re.search(r'[Dd]efaults to `*(.*)', text)
    if not stated:
        return '' if 'default' in text.lower() else 'states no default'
    for end in range(len(stated[1]), 0, -1):
        try:
            said = ast.literal_eval(stated[1][:end].rstrip('.,` '))
        except (ValueError, SyntaxError):
            continue
        same = said == value and isinstance(said, bool) == isinstance(value, bool)
        return '' if same else f'says {said!r}, but the default is {value!r}'
    return f'says {stated[1]!r}, but the default is {value!r}'


def documented(tree):
    """(name, docstring, function whose signature it describes) of all functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node), node
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == '__init__':
                    yield node.name, ast.get_docstring(node), member


def disagreements(source):
    found = []
    for name, docstring, function in documented(ast.parse(source)):
        stated, defaults = arguments_of(docstring or ''), defaults_of(function)
        for argument in stated.keys() & defaults.keys():
            wrong = disagreement(*stated[argument], defaults[argument])
            found += [f'{name}({argument}): {wrong}'] if wrong else []
        args = function.args
        known = {arg.arg for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
        found += [
            f'{name}: there is no argument {argument}' for argument in stated
            if argument.lstrip('*') == argument and argument not in known
        ]
    return sorted(found)


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_defaults_in_docstrings_equal_the_signature(path):
    assert disagreements(path.read_text()) == []


@pytest.mark.parametrize('signature, text, wanted', [
    ('size=224', 'size (int): Pixels. Defaults to 224.', ''),
    ('size=224', 'size (int): Pixels. Defaults to 256.', 'says 256, but the default is 224'),
    ('size=224', 'size (int): Pixels.', 'states no default'),
    ('rate=0.', 'rate (float): Of what. Defaults to 0. More.', ''),
    ('rate=0.5', 'rate (float): Of what. Defaults to 0.', 'says 0, but the default is 0.5'),
    ('flag=False', 'flag (bool): Defaults to True, in\n        general.',
     'says True, but the default is False'),
    ('flag=False', 'flag (bool): Defaults to 0.', 'says 0, but the default is False'),
    ("mode='a'", "mode (str): Defaults to ``'a'``.", ''),
    ("mode='a'", "mode (str): Defaults to 'b'.", "says 'b', but the default is 'a'"),
    ('mean=(1, 2)', 'mean (tuple): Defaults to (1, 2), in order.', ''),
    ('mean=(1, 2)', 'mean (tuple): Defaults to (2, 1).', 'says (2, 1), but the default is (1, 2)'),
    ('token=None', 'token (bool, optional): Defaults to False in 2D.', ''),
    ('token=None', 'token (bool): Defaults to False.', 'says False, but the default is None'),
    ('a, *, b=1', 'b (int): Defaults to 2.', 'says 2, but the default is 1'),
])
def test_the_check_finds(signature, text, wanted):
    """Control: the check above finds what it is for."""
    source = f'def f({signature}):\n    """Purpose.\n\n    Args:\n        {text}\n    """'
    name = text.split(' ')[0]
    assert disagreements(source) == ([f'f({name}): {wanted}'] if wanted else [])


def test_the_check_finds_arguments_that_do_not_exist():
    source = 'class A:\n    """B.\n\n    Args:\n        old (int): C.\n    """\n' \
             '    def __init__(self, new):\n        pass'
    assert disagreements(source) == ['A: there is no argument old']


@pytest.mark.parametrize(
    'path', [path for path in SOURCES if '>>> ' in path.read_text()],
    ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_in_docstrings(path):
    name = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    result = doctest.testmod(importlib.import_module(name.removesuffix('.__init__')))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize('name', ['architecture.md'])
def test_examples_in_documents(name):
    result = doctest.testfile(str(ROOT / 'docs' / name), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
