"""What all commands share: parser, errors and exit codes, output as JSON."""
from .arguments import (CONFIG, DATASET, MODEL, add_batch_arguments, add_config_arguments,
                        add_config_options, add_model_arguments, add_runner_arguments,
                        add_video_arguments, call)
from .completion import completion_script
from .main import main, run_command
from .outcome import only_expected
from .output import print_json
from .parser import make_parser
from .start import lasting

__all__ = [
    'CONFIG', 'DATASET', 'MODEL', 'add_batch_arguments', 'add_config_arguments',
    'add_config_options', 'add_model_arguments', 'add_runner_arguments', 'add_video_arguments',
    'call', 'completion_script', 'lasting', 'main', 'make_parser', 'only_expected', 'print_json',
    'run_command'
]
