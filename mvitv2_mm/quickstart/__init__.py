"""The main job of ``make quickstart``: make data, train, test, report.

Only ``tools/quickstart.py``, the configs under ``configs/quickstart`` and the tests use this
folder. Its modules are imported by name, because data making, training and drawing need different
optional libraries.
"""
