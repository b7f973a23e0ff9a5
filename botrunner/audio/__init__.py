"""Sound for Discord: from a track to the Opus packets that the voice client sends."""

from botrunner.audio.source import TrackSource

__all__ = ["TrackSource"]
