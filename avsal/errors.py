"""The errors a user can meet: one line each, saying what was expected, what was found and what to do."""

__all__ = ["AvsalError", "CheckpointError", "ConfigError", "DatasetError", "MediaError"]


class AvsalError(Exception):
    """Base of every error that avsal raises on purpose; the command line prints it as one line."""


class MediaError(AvsalError):
    """A video, sound or image file cannot be read or written."""


class DatasetError(AvsalError):
    """A data set's files are missing, misplaced or contradict each other."""


class CheckpointError(AvsalError):
    """A weight file is not what it should be, or none is available."""


class ConfigError(AvsalError):
    """A setting is unknown, impossible or contradicts another."""
