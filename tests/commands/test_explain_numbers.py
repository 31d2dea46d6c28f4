"""``python -m mvitv2_mm explain``: numbers that cannot be meant."""
import pytest

from mvitv2_mm.commands.frame import run_command


@pytest.mark.parametrize('option', ['record', 'object'])
def test_negative_numbers(option, capsys):
    assert run_command('explain', ['MODEL', 'x.png', '--out', 'why', f'--{option}', '-1']) == 2
    assert f'--{option} should be at least 0, but is -1' in capsys.readouterr().err
