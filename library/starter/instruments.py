"""Instruments made of numpy arrays: each returns one mono note at 48 kHz, float32, peaking near 1."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
type Sound = NDArray[np.float32]


def hertz(note: float) -> float:
    """Return the frequency of a MIDI note number. 69 is A4, 440 Hz."""
    return float(440.0 * 2.0 ** ((note - 69) / 12))


def seconds(count: float) -> int:
    return int(count * SAMPLE_RATE)


def phase(frequency: float, length: int) -> Sound:
    """Return a running phase in radians. It is counted in 32 bits that wrap around, so it neither drifts nor loses
    precision."""
    step = np.uint32(round(frequency / SAMPLE_RATE * 2**32) & 0xFFFFFFFF)
    return (np.arange(length, dtype=np.uint32) * step).astype(np.float32) * np.float32(2 * np.pi / 2**32)


def sine(frequency: float, length: int) -> Sound:
    return np.sin(phase(frequency, length))


def decay(length: int, half_life: float) -> Sound:
    """Return an exponential decay that halves every `half_life` seconds."""
    return np.exp2(np.arange(length, dtype=np.float32) * np.float32(-1 / (half_life * SAMPLE_RATE)))


def softened(sound: Sound, *, attack: float = 0.003, release: float = 0.03) -> Sound:
    """Fade both ends in place, so that they do not click."""
    rise, fall = min(seconds(attack), len(sound) // 2), min(seconds(release), len(sound) // 2)
    if rise:
        sound[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    if fall:
        sound[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return sound


@cache
def pluck(note: float, length: float, *, brightness: float = 0.5, sustain: float = 0.996) -> Sound:
    """A plucked string by Karplus and Strong: a burst of noise in a delay line that averages neighboring samples.

    The line is a whole number of samples long, so the result is stretched to the exact pitch.
    """
    period = SAMPLE_RATE / hertz(note)
    size = max(2, round(period))
    generator = np.random.default_rng(int(note * 100))
    line = generator.uniform(-1, 1, size).astype(np.float32)
    for _ in range(round((1 - brightness) * 6)):
        line = (line + np.roll(line, 1)) / np.float32(2)
    line = (line - line.mean()).astype(np.float32)
    line /= np.abs(line).max()
    rounds = int(length * hertz(note)) + 2
    loop = np.empty((rounds, size), dtype=np.float32)
    loop[0] = line
    for row in range(1, rounds):
        before, now = loop[row - 1], loop[row]
        np.add(before[1:], before[:-1], out=now[1:])
        now[0] = before[0] + before[-1]
        now *= np.float32(sustain / 2)
    flat = loop.reshape(-1)
    # Averaging with the previous sample delays each round by half a sample.
    steps = np.arange(seconds(length)) * ((size + 0.5) / period)
    steps = steps[steps < len(flat) - 1]
    return softened(np.interp(steps, np.arange(len(flat)), flat).astype(np.float32), attack=0.001)


@cache
def piano(note: float, length: float) -> Sound:
    """A soft felt piano. Its partials are slightly sharp, and higher ones are shorter."""
    size, base = seconds(length), hertz(note)
    sound = np.zeros(size, dtype=np.float32)
    for partial in range(1, 8):
        frequency = base * partial * np.sqrt(1 + 0.0004 * partial**2)
        if frequency > 9000:
            break
        ringing = min(size, seconds(length / partial**0.5))
        voice = sine(frequency, ringing) * decay(ringing, 0.9 / partial**0.7 * (60 / note) ** 2)
        sound[:ringing] += voice * np.float32(1.6**-partial)
    thump = min(size, seconds(0.03))
    noise = np.random.default_rng(int(note)).normal(0, 0.05, thump).astype(np.float32)
    sound[:thump] += np.convolve(noise, np.ones(24, dtype=np.float32) / 6, "same") * decay(thump, 0.006)
    return softened(sound, attack=0.004, release=0.2)


@cache
def bell(note: float, length: float) -> Sound:
    """A glassy bell by frequency modulation. The modulator decays faster than the tone."""
    size, base = seconds(length), hertz(note)
    modulator = sine(base * 3.5, size) * decay(size, 0.25) * np.float32(1.4)
    carrier = np.sin(phase(base, size) + modulator)
    return softened(carrier * decay(size, 0.55), attack=0.002, release=0.2)


@cache
def tine(note: float, length: float) -> Sound:
    """An electric piano: a quiet high tine over a round, slowly decaying tone."""
    size, base = seconds(length), hertz(note)
    modulator = sine(base, size) * decay(size, 0.4) * np.float32(0.9)
    sound = np.sin(phase(base, size) + modulator) * decay(size, 0.6)
    strike = min(size, seconds(0.3))
    sound[:strike] += sine(base * 7.02, strike) * decay(strike, 0.03) * np.float32(0.12)
    return softened(sound, attack=0.004, release=0.12)


@cache
def kalimba(note: float, length: float) -> Sound:
    """A thumb piano: a warm tone and two short overtones of a bar clamped at one end."""
    size, base = seconds(length), hertz(note)
    sound = sine(base, size) * decay(size, 0.28)
    for ratio, level, half_life in ((2.0, 0.16, 0.12), (6.27, 0.14, 0.03)):
        sound += sine(base * ratio, size) * decay(size, half_life) * np.float32(level)
    return softened(sound, attack=0.002, release=0.08)


def pad(note: float, length: float, *, detune: float = 0.12, harmonics: int = 9) -> Sound:
    """A slow string-like voice: two detuned copies of one wave cycle that fade in and out slowly."""
    size = seconds(length)
    cycle = np.arange(4096, dtype=np.float32) * np.float32(2 * np.pi / 4096)
    wave = np.zeros(4096, dtype=np.float32)
    for harmonic in range(1, harmonics + 1):
        wave += np.sin(cycle * harmonic) * np.float32(harmonic**-1.7)
    sound = np.zeros(size, dtype=np.float32)
    for offset in (-detune, detune):
        turns = np.uint32(round(hertz(note + offset) / SAMPLE_RATE * 2**32))
        sound += wave[(np.arange(size, dtype=np.uint32) * turns) >> np.uint32(20)]
    edge = size * 2 // 5
    swell = np.sin(np.linspace(0, np.pi / 2, edge, dtype=np.float32)) ** 2
    sound[:edge] *= swell
    sound[-edge:] *= swell[::-1]
    return sound / np.float32(3)


@cache
def brush(length: float, *, brightness: float = 0.6, seed: int = 1) -> Sound:
    """A wire brush on a snare. With more brightness it sounds like a ride cymbal."""
    size = seconds(length)
    noise = np.random.default_rng(seed).normal(0, 0.35, size + 1).astype(np.float32)
    sound = noise[1:] - np.float32(brightness) * noise[:-1]
    return softened(sound * decay(size, length / 5), attack=length / 12, release=length / 4)


def rain(length: float, *, seed: int) -> Sound:
    """Steady rain: filtered noise, looped without a seam, with single drops on top."""
    generator = np.random.default_rng(seed)
    loop = seconds(7)
    spectrum = np.fft.rfft(generator.normal(0, 1, loop).astype(np.float32))
    frequency = np.fft.rfftfreq(loop, 1 / SAMPLE_RATE)
    spectrum *= (frequency / (frequency + 500)) / (1 + (frequency / 3800) ** 2)
    # A block made from its spectrum is periodic, so repeating it has no seam.
    steady = np.fft.irfft(spectrum, loop).astype(np.float32)
    steady /= np.abs(steady).max()
    sound = np.resize(steady, seconds(length))
    for _ in range(int(length * 6)):
        size = seconds(0.02)
        at = int(generator.integers(0, len(sound) - size))
        drop = sine(float(generator.uniform(1800, 5200)), size) * decay(size, 0.003)
        sound[at : at + size] += drop * np.float32(generator.uniform(0.1, 0.5))
    return sound


def forget_notes() -> None:
    """Free the cached notes of the last piece, some tens of megabytes."""
    for instrument in (pluck, piano, bell, tine, kalimba, brush):
        instrument.cache_clear()
