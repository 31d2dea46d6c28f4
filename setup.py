"""Metadata is in setup.cfg; this file adds what ``mim`` looks for to the wheel."""
import shutil
from pathlib import Path
from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithMim(build_py):
    """Also copies configs, tools, requirements and model index to ``mvitv2_mm/.mim`` of a wheel."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'mvitv2_mm' / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        for name in ('configs', 'tools', 'requirements'):
            if Path(name).is_dir():
                ignore = shutil.ignore_patterns('__pycache__')
                shutil.copytree(name, target / name, ignore=ignore)
        if Path('model-index.yml').is_file():
            shutil.copy('model-index.yml', target)


if __name__ == '__main__':
    setup(cmdclass=dict(build_py=BuildWithMim))
