"""The errors that a user can meet. The message of each says what was wrong and what to do about it.

MnistCnnError
├── PictureError            also a ValueError
│   ├── UnreadablePictureError
│   ├── EmptyPictureError
│   └── BusyError
├── CorrectionError         also a ValueError
├── ModelError              also a ValueError
├── TrainingError           also a ValueError
│   ├── ConfigError
│   ├── DataError
│   ├── CheckpointError
│   └── HostError
├── WriteError
└── HubError

The command line and the page catch the root and nothing broader: any other exception is a fault in the program.
"""


class MnistCnnError(Exception):
    """The root of all errors that this package raises on purpose."""


class PictureError(MnistCnnError, ValueError):
    """A picture that gets no answer."""


class UnreadablePictureError(PictureError):
    """The source is not a picture, is damaged, or is too large."""


class EmptyPictureError(PictureError):
    """The picture holds no ink."""

    def __init__(self) -> None:
        """Take no argument: the message is always the same."""
        super().__init__("There is no ink in the picture: draw a digit or a number, or send a picture of one.")


class BusyError(PictureError):
    """A picture for which there is no time now."""


class CorrectionError(MnistCnnError, ValueError):
    """A correction that isn't kept, since there are too many."""


class ModelError(MnistCnnError, ValueError):
    """A model that isn't there, is damaged, or belongs to another network."""


class TrainingError(MnistCnnError, ValueError):
    """A training run that can't begin or can't continue."""


class ConfigError(TrainingError):
    """Settings that make no sense together or for this data set."""


class DataError(TrainingError):
    """A data set that can't be loaded or isn't like MNIST."""


class CheckpointError(TrainingError):
    """A checkpoint that can't be resumed."""


class HostError(TrainingError):
    """Hosts that can't find each other."""


class WriteError(MnistCnnError):
    """Files that can't be written: the disk is full, or refuses for another reason. Earlier ones stay as they were."""


class HubError(MnistCnnError):
    """The Hub, or the way there, refused. The message never holds a token."""
