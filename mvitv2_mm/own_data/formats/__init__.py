"""One file a format; each has ``find(path)``, which gives None where it is not that format."""
