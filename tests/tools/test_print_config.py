"""The command ``print-config``."""
import in_process
from mmengine.config import Config


def test_prints_the_resolved_config(configs, capsys, tmp_path):
    in_process.run('print-config', [configs['image'], '--cfg-options', 'model.head.num_classes=7'])
    path = tmp_path / 'printed.py'
    path.write_text(capsys.readouterr().out)
    printed, original = Config.fromfile(str(path)), Config.fromfile(configs['image'])
    assert printed.model.head.num_classes == 7
    assert printed.model.backbone == original.model.backbone
    assert printed.default_hooks.timer.type == 'IterTimerHook'  # inherited
