"""The Python on the pages for users runs, and prints what the comments beside it say."""
import re
from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS

ROOT = Path(__file__).parents[1]
PYTHON = re.compile('^```python\n(.*?)^```', re.M | re.S)
# lines of comments on their own that look like something printed
PRINTED = re.compile(r'^# ([(\[]|trainable|torch\.|MViT)(.*)$', re.M)


def run(text, namespace, capsys):
    """Run a block of Python; (what it printed, what its comments say that it prints)."""
    capsys.readouterr()
    exec(text, namespace)
    said = [start + rest for start, rest in PRINTED.findall(text)]
    return capsys.readouterr().out.splitlines(), said


@pytest.mark.parametrize('name, num_printed', [
    ('README.md', 3),
    ('docs/design/performance.md', 1),
    ('docs/hub.md', 3),
    pytest.param('docs/tools.md', 9, marks=pytest.mark.slow),
])
def test_python_on_a_page(name, num_printed, capsys):
    namespace, total = {}, 0
    for block in PYTHON.findall((ROOT / name).read_text()):
        printed, said = run(block, namespace, capsys)
        assert printed == said, block
        total += len(said)
    assert total == num_printed
    if name == 'README.md':
        assert namespace['model']['backbone']['type'] == 'mvitv2_mm.MViTv2'


@pytest.mark.parametrize('text',
                         ['print((1, 2))\n# (1, 3)\n', 'x = 1\n# (1, 2)\n', 'print((1, 2))\n'])
def test_a_wrong_comment_is_seen(text, capsys):
    """Control: the check above compares what it is meant to compare."""
    printed, said = run(text, {}, capsys)
    assert printed != said


def test_lora_in_a_config_builds(capsys):
    """The dict on the page is a model of mmpretrain in which only LoRA and head are trained."""
    text = next(b for b in PYTHON.findall((ROOT / 'docs/tools.md').read_text()) if 'LoRAModel' in b)
    namespace = {}
    exec(text, namespace)
    init_default_scope('mmpretrain')
    model = MODELS.build(namespace['model'])
    trained = {name for name, param in model.named_parameters() if param.requires_grad}
    assert trained and all('lora_' in name or name.startswith('head.') for name in trained)


LINK = re.compile(r'\]\(((?!http)[^)#\s]*)(?:#([^)\s]*))?\)')
PAGES = ['README.md', *sorted(str(p.relative_to(ROOT)) for p in (ROOT / 'docs').rglob('*.md'))]


def anchors(path):
    """Names of the headings of a page, as GitHub makes them."""
    heads = re.findall('^#+ (.*)$', path.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', head.lower()).replace(' ', '-') for head in heads}


@pytest.mark.parametrize('name', PAGES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f'{path}#{anchor}'
