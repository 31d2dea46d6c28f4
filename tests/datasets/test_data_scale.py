"""The figures of docs/scale.md can be measured again."""
import re
import sys

from mvitv2_mm.benchmark import data_scale


def test_a_line_for_each_size(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['data_scale', 'clips', '50'])
    data_scale.main()
    *_, line = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r'\| clips \| 50 (\| -?[\d.,]+ ){5}\|', line)
