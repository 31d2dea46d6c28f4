"""The script completes in a real bash."""
import subprocess

import pytest

from mvitv2_mm.commands.frame import completion_script

COMPLETE = '''
source {script}
source {script}  # a second time does no harm
COMP_WORDS=({words})
COMP_CWORD={last}
$(complete -p python | sed 's/.*-F \\([^ ]*\\) .*/\\1/') 2> /dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
'''


@pytest.fixture(scope='module')
def complete(tmp_path_factory):
    """What bash makes of the last of some words."""
    script = tmp_path_factory.mktemp('completion') / 'script'
    script.write_text(completion_script('bash'))

    def run(*words, cwd=None):
        quoted = ' '.join(f"'{word}'" for word in words)
        text = COMPLETE.format(script=script, words=quoted, last=len(words) - 1)
        result = subprocess.run(['bash', '--norc', '-c', text],
                                capture_output=True,
                                text=True,
                                cwd=cwd,
                                check=True)
        return result.stdout.split()

    return run


START = ('python', '-m', 'mvitv2_mm')


@pytest.mark.parametrize('words, expected', [
    (['pri'], ['print-config']),
    (['train', '--amp-'], ['--amp-dtype']),
    (['train', 'config.py', '--launcher', 'py'], ['pytorch']),
    (['train', 'mvitv2-tiny_8xb256_'], ['mvitv2-tiny_8xb256_in1k']),
    (['test', 'x', 'mvitv2-small_in1k_t'], ['mvitv2-small_in1k_timm']),
    (['convert', '--to', 'time'], []),
    (['check-data', 'imagenet2'], ['imagenet21k']),
])  # yapf: disable
def test_words(complete, words, expected):
    assert complete(*START, *words) == expected


def test_files_and_other_uses_of_python(complete, tmp_path):
    (tmp_path / 'mine.py').touch()
    assert complete(*START, 'train', 'min', cwd=tmp_path) == ['mine.py']
    assert complete('python', 'min', cwd=tmp_path) == []  # left to bash
