"""A page on this machine where one drops a picture or a video and sees what a model finds."""
