"""Scripts that let a shell complete commands, options, and names of the zoo."""
from shlex import join

from ...extras import require
from ...names import DATASETS, OWN_DATA, published_configs, published_models
from .parser import make_parser

# a function for the names of each kind; files go with all of them
_NAMES = {
    'bash':
    """
_mvitv2_mm_{kind}_or_file() {{
  compgen -W "{names}" -- "$1"
  compgen -f -- "$1"
}}
""",
    'zsh':
    """
_mvitv2_mm_{kind}_or_file() {{
  _alternative '{kind}s:{kind}:({names})' 'files:file:_files'
}}
""",
}
# python -m mvitv2_mm is completed as mvitv2_mm, any other use of Python as before
_PYTHON = {
    'bash':
    """
_mvitv2_mm_python() {
  if [[ $COMP_CWORD -gt 2 && ${COMP_WORDS[1]} == -m && ${COMP_WORDS[2]} == mvitv2_mm ]]; then
    COMP_WORDS=(mvitv2_mm "${COMP_WORDS[@]:3}")
    COMP_CWORD=$((COMP_CWORD - 2))
    _shtab_mvitv2_mm
  elif [[ -n ${_mvitv2_mm_before-} ]]; then
    "$_mvitv2_mm_before" "$@"
  fi
}
if declare -F _completion_loader > /dev/null; then _completion_loader python; fi
if [[ "$(complete -p python 2> /dev/null)" =~ -F\\ ([^ ]+) &&
      ${BASH_REMATCH[1]} != _mvitv2_mm_python ]]; then
  _mvitv2_mm_before=${BASH_REMATCH[1]}
fi
complete -o bashdefault -o default -F _mvitv2_mm_python python python3
""",
    'zsh':
    """
_mvitv2_mm_python() {
  if [[ $CURRENT -gt 3 && ${words[2]} == -m && ${words[3]} == mvitv2_mm ]]; then
    words=(mvitv2_mm "${(@)words[4,-1]}")
    (( CURRENT -= 2 ))
    _shtab_mvitv2_mm
  else
    _python
  fi
}
compdef _mvitv2_mm_python python python3
""",
}


def completion_script(shell: str) -> str:
    """The script for a shell, which ``eval`` runs.

    Args:
        shell (str): 'bash' or 'zsh'.

    Raises:
        ImportError: If shtab is not installed; names the command that installs it.
    """
    shtab = require('shtab', 'completion')
    kinds = dict(
        config=published_configs(), model=published_models(), dataset=(*DATASETS, *OWN_DATA))
    names = [_NAMES[shell].format(kind=kind, names=join(kinds[kind])) for kind in kinds]
    parser = make_parser()
    parser.prog = 'mvitv2_mm'  # shells complete single words
    script = shtab.complete(parser, shell, preamble={shell: ''.join(names)})
    return script + '\n' + _PYTHON[shell]
