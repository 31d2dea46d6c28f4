"""The tutorials work as they stand there: all blocks of a page are run, one after the other."""
import json
import re
import shlex
from pathlib import Path

import in_process
import pytest

PAGES = Path(__file__).parents[1] / 'docs' / 'tutorials'
BLOCK = re.compile(r'^```(\S*)\n(.*?)^```', re.M | re.S)


def run_page(name):
    namespace = {}
    for language, text in BLOCK.findall((PAGES / f'{name}.md').read_text()):
        if language == 'python':
            exec(text, namespace)
            continue
        assert language == 'bash', text
        for line in text.splitlines():
            *python, command, arguments = line.split(' ', 4)
            assert python == ['python', '-m', 'mvitv2_mm']
            in_process.run(command, shlex.split(arguments))


def answers(folder):
    """The best class, or all objects, of each record."""
    records = map(json.loads, Path(folder, 'predictions.jsonl').read_text().splitlines())
    return [(record['input'], record.get('window', {}).get('start'),
             [one['label'] for one in record.get('objects',
                                                 record.get('classes', [])[:1])])
            for record in records]


@pytest.mark.slow
@pytest.mark.parametrize('name, work_dir, folders, count', [
    ('pictures', 'shapes', ('answers', 'answers_of_the_file'), 80),
    ('clips', 'moves', ('moments', 'moments_of_the_file'), 9),
    ('objects', 'things', ('labels', 'labels_of_the_file'), 4),
])
def test_a_tutorial(name, work_dir, folders, count, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(name)
    model, file = map(answers, folders)
    assert model == file and len(model) == count
    assert Path('work_dirs', work_dir, 'report.html').stat().st_size > 10000
    if name == 'pictures':
        right = sum(['circle', 'square'][labels[0]] in path for path, _, labels in model)
        assert right > 60


def test_every_tutorial_is_run():
    assert {path.stem for path in PAGES.glob('*.md')} == {'pictures', 'clips', 'objects'}
