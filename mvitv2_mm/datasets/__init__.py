"""Data pieces that no host library has correctly; each host is imported only where used."""
