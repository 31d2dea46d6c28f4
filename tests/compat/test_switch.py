"""Repairs wait for their hosts, fit or step aside, and are the user's to switch off."""
import importlib
import importlib.util
import logging
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from mvitv2_mm.compat import ON_DEMAND, ON_IMPORT, switch, versions
from mvitv2_mm.compat.versions import NotNeeded, Window

ROOT = Path(__file__).parents[2]


def run(code, **env):
    """What a fresh process prints, stderr included."""
    result = subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            text=True,
                            cwd=ROOT,
                            env={
                                'PATH': '',
                                **env
                            })
    assert result.returncode == 0, result.stdout[-3000:]
    return result.stdout.strip()


STATE = '''
import sys
import torch, mmengine, mmcv, mmengine.runner
def state():
    checkpoint = sys.modules['mmengine.runner.checkpoint']
    functions = [checkpoint.load_state_dict, checkpoint._load_checkpoint_with_prefix,
                 *checkpoint.CheckpointLoader._schemes.values(), mmcv.adjust_hue,
                 mmengine.dist.utils._init_dist_pytorch, mmengine.runner.Runner.build_dataloader]
    return sys.meta_path[:], sys.path_hooks[:], torch.serialization.get_safe_globals(), functions
before = state()
import {module}
print(state() == before, 'wrapt' in sys.modules)
'''


@pytest.mark.parametrize('module', ['mvitv2_mm.ops', 'mvitv2_mm.layers', 'mvitv2_mm.layers.block'])
def test_parts_without_hosts_touch_nothing(module):
    assert run(STATE.format(module=module)) == 'True False'


@pytest.mark.parametrize('module', [
    'mvitv2_mm', 'mvitv2_mm.repairs', 'mvitv2_mm.registry', 'mvitv2_mm.engine.launch',
    'mvitv2_mm.backbones'
])
def test_parts_that_meet_hosts_repair(module):
    assert run(STATE.format(module=module)) == 'False True'


def test_repairs_import_no_host():
    hosts = '{"mmdet", "mmaction", "mmpretrain", "torchvision", "lvis"}'
    assert run(f'import sys, mvitv2_mm.repairs; print({hosts} & set(sys.modules))') == 'set()'


REPORT = '''
import torch, mvitv2_mm.repairs
from mvitv2_mm.compat import switch
for outcome in switch.report():
    print(*outcome, sep='|')
'''


def report_of(code=REPORT, **env):
    lines = [line.split('|') for line in run(code, **env).splitlines()]
    return {line[0]: line[1:] for line in lines if len(line) == 3}


def test_off_switches_all_off():
    report = report_of(MVITV2_MM_REPAIRS='off')
    assert {state for state, _ in report.values()} == {'switched off'}
    assert len(report) == len(switch.ALL)
    assert run(STATE.format(module='mvitv2_mm.repairs'), MVITV2_MM_REPAIRS='off').startswith('True')


def test_a_list_switches_those_off():
    report = report_of(MVITV2_MM_REPAIRS='mmcv.ops, mmaction.drn')
    off = {name for name, (state, _) in report.items() if state == 'switched off'}
    assert off == {'mmcv.ops', 'mmaction.drn'}
    assert report['mmengine.torch_load'][0] == 'applied'


def test_unknown_names_are_told_once():
    printed = run(REPORT, MVITV2_MM_REPAIRS='mmcv.opps')
    assert printed.count('there is no repair mmcv.opps; set it to "off"') == 1
    assert 'mmcv.ops,' in printed


def test_states_of_a_run():
    report = report_of(f'import mvitv2_mm.repairs, mmdet.models, mmaction.models\n{REPORT}')
    assert report['mmaction.drn'][0] == report['mmcv.ops'][0] == 'applied'
    assert report['mmpretrain.transformers'][0] in ('waiting', 'not needed')
    assert report['mmdet.bf16_heads'] == ['waiting', f'for {ON_DEMAND["mmdet.bf16_heads"]}']


class Host:
    """A host module on disk, and a repair of it under the name 'host.fault'."""

    def __init__(self, folder, monkeypatch, caplog):
        self.folder, self.caplog = folder, caplog
        self.repair = ModuleType('repair')
        self.repair.WINDOWS = (Window('surely-not-installed', '1', '2', tested='1.0'), )
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(switch, 'ALL', ('host.fault', ))
        monkeypatch.setattr(switch, '_outcomes', {})
        monkeypatch.setattr(switch, '_module', lambda name: self.repair)
        self.names = []

    def module(self, name, text='VALUE = 1\n'):
        (self.folder / f'{name}.py').write_text(text)
        self.names.append(name)
        return name

    def load(self, **parts):
        """Switch the repair on with these HOOKS or STAND_INS, then import all modules."""
        vars(self.repair).update(parts)
        switch.switch_on('host.fault')
        switch.switch_on('host.fault')  # counts once
        return [importlib.import_module(name) for name in self.names]

    @property
    def outcome(self):
        return switch.report()[0]

    @property
    def warnings(self):
        return [r.getMessage() for r in self.caplog.records if r.levelno == logging.WARNING]


@pytest.fixture
def host(tmp_path, monkeypatch, caplog):
    host = Host(tmp_path, monkeypatch, caplog)
    yield host
    for name in host.names:
        sys.modules.pop(name, None)


def test_hook_runs_before_the_importer_sees_the_module(host):

    def double(module):
        module.VALUE *= 2

    name = host.module('switch_host_a')
    assert importlib.util.find_spec(name) is not None  # a look-up uses nothing up
    module, = host.load(HOOKS={name: double})
    assert module.VALUE == 2
    assert host.outcome == ('host.fault', 'applied', name) and not host.warnings


def test_hook_runs_at_once_for_a_loaded_module(host):
    module = importlib.import_module(host.module('switch_host_b'))
    host.load(HOOKS={'switch_host_b': lambda module: setattr(module, 'VALUE', 5)})
    assert module.VALUE == 5


@pytest.mark.parametrize('fault, text', [
    (lambda module: module.Renamed, "AttributeError: .* has no attribute 'Renamed'"),
    (lambda module: 1 / 0, 'ZeroDivisionError: division by zero'),
])
def test_a_repair_that_fails_says_so_once_and_steps_aside(host, fault, text):
    names = [host.module('switch_host_c'), host.module('switch_host_d')]
    modules = host.load(HOOKS=dict.fromkeys(names, fault))
    assert [module.VALUE for module in modules] == [1, 1]
    assert host.outcome.state == 'stepped aside' and re.search(text, host.outcome.detail)
    assert len(host.warnings) == 1 and re.search(text, host.warnings[0])
    assert 'MVITV2_MM_REPAIRS=host.fault silences this' in host.warnings[0]


def test_a_stand_in_that_fails_leaves_the_module_missing(host):
    host.load(STAND_INS={'switch_host_missing': lambda name: 1 / 0})
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match='switch_host_missing'):
            importlib.import_module('switch_host_missing')
    assert host.outcome.state == 'stepped aside' and len(host.warnings) == 1


def test_a_repair_that_cannot_be_imported_steps_aside(host, monkeypatch):

    def broken(name):
        raise ImportError('no such library')

    monkeypatch.setattr(switch, '_module', broken)
    host.load()
    assert host.outcome == ('host.fault', 'stepped aside', 'ImportError: no such library')


def test_a_repair_may_find_no_fault(host):

    def no_fault(module):
        raise NotNeeded('the host is fine')

    host.load(HOOKS={host.module('switch_host_e'): no_fault})
    assert host.outcome == ('host.fault', 'not needed', 'the host is fine') and not host.warnings


@pytest.mark.parametrize('version, applied', [('1.2.3', True), ('1.2', True), ('1.1.9', False),
                                              ('2', False), ('2.0.0rc1', False),
                                              ('2.4+cpu', False)])
def test_versions_outside_the_window(host, monkeypatch, version, applied):
    monkeypatch.setattr(versions, 'version_of', lambda name: version if name == 'thehost' else '')
    host.repair.WINDOWS = (Window('thehost', '1.2', '2', tested='1.2.3'), )
    module, = host.load(
        HOOKS={host.module('switch_host_f'): lambda module: setattr(module, 'VALUE', 2)})
    assert module.VALUE == 1 + applied
    if not applied:
        assert host.outcome.detail == f'thehost {version} is not in [1.2, 2) (tested: 1.2.3)'
        assert len(host.warnings) == 1


def test_hosts_survive_a_release_that_renamed_everything():
    """All hooks at once: the user's imports work, each repair steps aside."""
    code = '''
import logging
from types import ModuleType
import sys
import mvitv2_mm.repairs
from mvitv2_mm.compat import switch
switch.switch_on(*switch.ALL)
for name in switch.ALL:
    for target, hook in getattr(switch._module(name), 'HOOKS', {}).items():
        switch._guard(name, hook, target, ModuleType(target))
for outcome in switch.report():
    print(*outcome, sep='|')
'''
    report = report_of(code)
    aside = {name for name, (state, _) in report.items() if state == 'stepped aside'}
    with_hooks = {name for name in switch.ALL if hasattr(switch._module(name), 'HOOKS')}
    assert aside == with_hooks


def test_missing_requirement(monkeypatch):
    versions.check_required()
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None
                        if name in ('mmcv', 'wrapt') else find_spec(name))
    with pytest.raises(ImportError) as error:
        versions.check_required()
    assert str(error.value) == ('mvitv2_mm needs mmcv, wrapt; '
                                'run: pip install mmcv-lite==2.1.0 wrapt==2.5.2')


@pytest.mark.parametrize('name', switch.ALL)
def test_every_repair_is_documented_and_has_a_window(name):
    repair = switch._module(name)
    for part in ('Symptom:', 'Cause:', 'Repair:', 'Inert:'):
        assert part in repair.__doc__
    for window in repair.WINDOWS:
        first = versions.release(re.split(' to |, ', window.tested)[0])
        assert versions.release(window.lowest) <= first < versions.release(window.end)


def test_every_repair_is_in_the_table_of_the_docs():
    table = (ROOT / 'docs' / 'get_started.md').read_text()
    assert set(re.findall(r'\| \[`(.+?)`\]\(faults/\1\.md\) \|', table)) == {*ON_IMPORT, *ON_DEMAND}


def test_a_broken_version_is_no_version(monkeypatch):
    monkeypatch.setattr(metadata, 'version', lambda name: None)
    assert versions.version_of('torch') == ''
