import logging

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def log_text():
    """A function that returns what mmengine's logger, which does not propagate, has logged."""
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield lambda: '\n'.join(records)
    logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def _quiet_init_weights():
    """mmengine logs two lines per parameter."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)
