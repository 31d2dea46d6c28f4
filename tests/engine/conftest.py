"""Data and configs of small trainings."""
from unittest import mock

import pytest
import synthetic_data
from small_training import make_config


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    return synthetic_data.make_folders(tmp_path_factory.mktemp('folders') / 'images')


@pytest.fixture(params=[('epochs', 0), ('epochs', 2), ('iterations', 0), ('iterations', 2)])
def cfg(request, data):
    return make_config(data, *request.param)


@pytest.fixture
def fast():
    """The log of the environment and the pause between two epochs take most of the time."""
    with mock.patch('mmengine.runner.Runner._log_env'), \
            mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True)), \
            mock.patch('mmengine.runner.loops.time.sleep'):
        yield
