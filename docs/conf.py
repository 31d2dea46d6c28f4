"""Settings of the documentation site, which ``make docs`` builds."""
import re

from mvitv2_mm import __version__

project = 'mvitv2_mm'
copyright = 'the authors of mvitv2_mm'
release = version = __version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
exclude_patterns = ['*.py']
myst_heading_anchors = 4
myst_enable_extensions = ['fieldlist']
autodoc_typehints = 'none'  # the docstrings state types
autodoc_member_order = 'bysource'
autodoc_inherit_docstrings = False  # those of the hosts are theirs
napoleon_custom_sections = ['Symptom', 'Cause', 'Repair', 'Inert', 'Source']

html_theme = 'furo'
html_title = f'mvitv2_mm {version}'
html_static_path = ['_static']
html_css_files = ['wide_tables.css']
html_js_files = ['filter_tables.js']

# '(B, C, *grid)' is no emphasis; what stands between ticks is left alone
_STAR = re.compile(r'(``.*?``)|\*(?=\w)')


def _plain_stars(app, what, name, obj, options, lines):
    lines[:] = [_STAR.sub(lambda found: found[1] or r'\*', line) for line in lines]


def setup(app):
    """Connect what Sphinx calls."""
    app.connect('autodoc-process-docstring', _plain_stars)
