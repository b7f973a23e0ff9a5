"""Place notes in stereo, add reverberation, and give all pieces the same loudness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from library.starter.instruments import SAMPLE_RATE, Sound, seconds

type Stereo = NDArray[np.float32]

# The weighted mean square of both channels together at -16 LUFS (ITU-R BS.1770).
_TARGET_POWER = 10 ** ((-16 + 0.691) / 10)
_CEILING = 0.89


class Mix:
    """A stereo buffer, shape (2, samples), to which notes are added."""

    def __init__(self, length: float) -> None:
        self.samples: Stereo = np.zeros((2, seconds(length)), dtype=np.float32)

    def add(self, sound: Sound, at: float, *, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add a note. `pan` is from -1 (left) to 1 (right), with equal power. A note is cut at the buffer's end."""
        start = seconds(at)
        sound = sound[: max(0, self.samples.shape[1] - start)]
        angle = (pan + 1) * np.pi / 4
        for channel, share in enumerate((np.cos(angle), np.sin(angle))):
            self.samples[channel, start : start + len(sound)] += sound * np.float32(gain * share)

    def add_room(self, *, amount: float, decay_seconds: float) -> None:
        """Add reverberation by Schroeder's method: parallel feedback combs, slightly different left and right.

        It works at half the sample rate, which takes half the time and removes the top octave, as rooms do.
        """
        even = self.samples.shape[1] // 2 * 2
        for channel in range(2):
            dry = self.samples[channel, :even]
            halved = (dry[0::2] + dry[1::2]) / 2
            wet = np.zeros_like(halved)
            for delay_ms in (29.7, 37.1, 41.1, 43.7):
                delay = int((delay_ms + 0.9 * channel) * SAMPLE_RATE / 2000)
                feedback = np.float32(0.001 ** (delay_ms / 1000 / decay_seconds))
                comb = halved.copy()
                for start in range(delay, len(comb), delay):
                    block = comb[start : start + delay]
                    block += feedback * comb[start - delay : start - delay + len(block)]
                wet += comb
            wet -= 4 * halved
            wet *= np.float32(amount / 4)
            dry[0::2] += wet
            dry[1:-1:2] += (wet[1:] + wet[:-1]) / 2

    def master(self, *, fade_in: float = 0.02, fade_out: float = 2.5) -> Stereo:
        """Return the mix at about -16 LUFS, with peaks limited below full scale, and with fades at both ends."""
        samples = self.samples
        samples -= samples.mean(axis=1, keepdims=True)
        rise, fall = seconds(fade_in), seconds(fade_out)
        samples[:, :rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
        samples[:, -fall:] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
        samples *= np.float32(np.sqrt(_TARGET_POWER / _loudness_power(samples)))
        over = np.abs(samples) > _CEILING / 2
        # A tanh curve above half the ceiling, continuous in value and slope.
        half = np.float32(_CEILING / 2)
        bent = samples[over]
        samples[over] = np.sign(bent) * (half + half * np.tanh((np.abs(bent) - half) / half))
        return samples


def _loudness_power(samples: Stereo) -> float:
    """Approximate the weighted and gated power of BS.1770: every third block of 0.4 s, weighted by a curve."""
    size = seconds(0.4)
    blocks = samples[:, : samples.shape[1] // size * size].reshape(2, -1, size)[:, ::3]
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE).astype(np.float32)
    shelf = (1 + 2.51 * (frequency / 1680) ** 4) / (1 + (frequency / 1680) ** 4)  # +4 dB at the top
    high_pass = (frequency**2 / (frequency**2 + 38**2)) ** 2
    spectrum = np.fft.rfft(blocks, axis=2)
    weighed = (spectrum.real**2 + spectrum.imag**2) * (shelf * high_pass)
    # Parseval: both halves of the spectrum, over the block's length squared.
    power = weighed.sum(axis=2).sum(axis=0) * 2 / size**2
    return float(power[power > power.mean() / 10].mean())
