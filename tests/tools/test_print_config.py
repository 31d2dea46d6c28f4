"""``tools/analysis_tools/print_config.py``."""
from mmengine.config import Config


def test_prints_the_resolved_config(configs, print_config, capsys, tmp_path):
    print_config([configs['image'], '--cfg-options', 'model.head.num_classes=7'])
    path = tmp_path / 'printed.py'
    path.write_text(capsys.readouterr().out)
    printed, original = Config.fromfile(str(path)), Config.fromfile(configs['image'])
    assert printed.model.head.num_classes == 7
    assert printed.model.backbone == original.model.backbone
    assert printed.default_hooks.timer.type == 'IterTimerHook'  # inherited
