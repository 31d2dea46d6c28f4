"""The main job of ``make quickstart``: make data, fine-tune, judge, report.

Only ``tools/quickstart.py`` and the tests use this folder. Its modules are imported by name,
because they need different optional libraries.
"""
