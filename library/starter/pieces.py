"""The pieces: short and calm, each with a different mood, the same on every machine."""

from __future__ import annotations

import numpy as np

from library.starter.instruments import (
    bell,
    brush,
    kalimba,
    pad,
    piano,
    pluck,
    rain,
    seconds,
    sine,
    tine,
)
from library.starter.mixing import Mix, Stereo


def tone_440() -> Stereo:
    """A pure 440 Hz sine for 60 s, the same in both channels, with 20 ms ramps at the ends."""
    wave = sine(440.0, seconds(60)) * np.float32(0.17)
    ramp = np.linspace(0, 1, seconds(0.02), dtype=np.float32)
    wave[: len(ramp)] *= ramp
    wave[-len(ramp) :] *= ramp[::-1]
    return np.stack([wave, wave])


def slow_rain() -> Stereo:
    """Felt piano over rain, in A minor, with bars of four seconds."""
    mix = Mix(48)
    chords = [(45, 52, 59, 60), (41, 48, 57, 60), (48, 52, 59, 55), (43, 50, 59, 57)] * 2 + [
        (38, 45, 53, 60),
        (40, 47, 55, 59),
        (41, 48, 55, 57),
        (45, 52, 57, 60),
    ]
    melody = [
        *((0, 76, 0.0), (0, 74, 1.5), (0, 72, 2.5), (1, 69, 0.0), (1, 72, 2.0), (2, 71, 0.0), (2, 67, 1.5)),
        *((3, 69, 0.5), (3, 74, 2.5), (4, 76, 0.0), (4, 79, 1.5), (4, 76, 3.0), (5, 77, 0.5), (5, 76, 2.0)),
        *((6, 74, 0.0), (6, 71, 2.0), (7, 72, 0.5), (7, 74, 2.5), (8, 77, 0.0), (8, 76, 1.0), (8, 72, 2.5)),
        *((9, 71, 0.0), (9, 74, 2.0), (10, 72, 0.0), (10, 69, 1.5), (10, 67, 3.0), (11, 69, 0.0)),
    ]
    for bar, chord in enumerate(chords):
        for step, note in enumerate((*chord, chord[2], chord[1])):
            mix.add(piano(note, 4.0), bar * 4 + step * 0.62 + 0.01 * (step % 3), gain=0.42, pan=-0.25)
    for bar, note, beat in melody:
        mix.add(piano(note, 3.5), bar * 4 + beat + 0.015, gain=0.6, pan=0.2)
    mix.add_room(amount=0.5, decay_seconds=2.2)
    mix.add(rain(48, seed=11), 0, gain=0.12, pan=-0.7)
    mix.add(rain(48, seed=12), 0, gain=0.12, pan=0.7)
    return mix.master(fade_in=1.5, fade_out=4)


def sawdust_waltz() -> Stereo:
    """Two plucked strings in three-four time, in G major, at 138 beats per minute."""
    mix, beat = Mix(47), 60 / 138
    bars = [
        (43, 59, 62),
        (43, 59, 62),
        (48, 60, 64),
        (48, 60, 64),
        (45, 60, 64),
        (50, 60, 66),
        (43, 59, 62),
        (50, 60, 66),
    ]
    bars = (
        bars * 2 + [(40, 59, 64), (40, 59, 64), (45, 61, 64), (45, 61, 64), (50, 60, 66), (50, 57, 66)] + bars
    )
    tune = (
        "74 . 71 74 . 79 76 . 72 76 79 76 72 . 76 74 72 69 71 . . 67 69 71 "
        "74 . 71 74 76 78 79 . 76 72 . 76 81 79 76 78 74 72 71 69 67 69 . 66 "
        "79 78 76 71 . . 76 . 73 69 . . 74 76 78 81 78 74 "
        "74 . 71 74 . 79 76 . 72 76 79 76 72 . 76 74 72 69 71 69 66 67 . . "
    )
    for bar, (bass, low, high) in enumerate(bars):
        start = bar * 3 * beat
        mix.add(pluck(bass, 1.8, brightness=0.2, sustain=0.995), start, gain=0.75, pan=-0.1)
        for count in (1, 2):
            for spread, note in enumerate((low, high)):
                at = start + count * beat + 0.012 * spread
                mix.add(pluck(note, 0.9, brightness=0.35, sustain=0.985), at, gain=0.22, pan=-0.4)
    for step, word in enumerate(tune.split()):
        if word != ".":
            swing = 0.02 if step % 3 == 2 else 0.0
            mix.add(pluck(int(word), 1.8, brightness=0.7), step * beat + swing, gain=0.5, pan=0.35)
    last = len(bars) * 3 * beat
    for spread, note in enumerate((43, 50, 59, 62, 67, 71)):
        mix.add(
            pluck(note, 3.0, brightness=0.5, sustain=0.998),
            last + 0.05 * spread,
            gain=0.4,
            pan=spread / 5 - 0.5,
        )
    mix.samples = mix.samples[:, : seconds(last + 3.4)]
    mix.add_room(amount=0.28, decay_seconds=0.9)
    return mix.master(fade_out=2)


def cold_harbour() -> Stereo:
    """A slow pad with open chords, and a distant bell like a buoy."""
    mix = Mix(50)
    chords = [(38, 57, 62, 64, 69), (34, 53, 60, 62, 65), (41, 57, 60, 64, 67), (36, 55, 62, 64, 67)]
    chords += [(38, 57, 60, 65, 69), (38, 57, 62, 66, 69)]
    for index, chord in enumerate(chords):
        for voice, note in enumerate(chord):
            gain = 0.42 if voice == 0 else 0.24
            mix.add(
                pad(note, 12.0, harmonics=4 if voice == 0 else 8),
                index * 7.4,
                gain=gain,
                pan=(voice - 2) * 0.35,
            )
    for at, note, pan in (
        (5, 81, 0.5),
        (12.5, 76, -0.5),
        (20, 79, 0.3),
        (27.5, 74, -0.4),
        (35, 81, 0.5),
        (41.5, 78, 0),
    ):
        mix.add(bell(note, 4.0), at, gain=0.09, pan=pan)
        mix.add(bell(note, 4.0), at + 0.66, gain=0.035, pan=-pan)
    mix.add_room(amount=0.6, decay_seconds=3.0)
    return mix.master(fade_in=1.0, fade_out=5)


def night_bus() -> Stereo:
    """A walking bass, brushes and an electric piano: a twelve-bar blues in F, swung."""
    mix, beat = Mix(47), 60 / 112
    walk = [
        *(
            (41, 45, 48, 50),
            (46, 50, 48, 47),
            (41, 45, 48, 51),
            (53, 51, 48, 47),
            (46, 50, 53, 55),
            (47, 50, 53, 56),
        ),
        *(
            (41, 45, 48, 45),
            (50, 48, 45, 51),
            (43, 46, 50, 46),
            (48, 52, 55, 52),
            (41, 45, 50, 48),
            (43, 46, 48, 42),
        ),
    ]
    f7, b7, d7, g7, c7 = (57, 63, 67), (56, 62, 67), (54, 60, 64), (53, 58, 65), (52, 58, 64)
    comp = [f7, b7, f7, f7, b7, b7, f7, d7, g7, c7, f7, c7]
    riff = [
        (0, 0.0, 72),
        (0, 0.67, 75),
        (0, 1.0, 77),
        (1, 2.67, 74),
        (2, 0.0, 72),
        (3, 1.67, 69),
        (3, 2.0, 72),
    ]
    riff += [
        (4, 0.67, 74),
        (4, 1.0, 77),
        (5, 0.67, 80),
        (5, 1.0, 79),
        (6, 0.0, 77),
        (6, 2.67, 72),
        (7, 1.0, 78),
    ]
    riff += [
        (8, 0.0, 77),
        (8, 1.67, 74),
        (9, 0.67, 76),
        (9, 2.0, 72),
        (10, 0.0, 69),
        (10, 0.67, 72),
        (10, 2.0, 65),
    ]
    for chorus in range(2):
        for bar in range(12):
            if chorus == 1 and bar > 7:
                break
            start = (chorus * 12 + bar) * 4 * beat
            for count, note in enumerate(walk[bar]):
                at = start + count * beat
                mix.add(pluck(note - 12, 0.85, brightness=0.05, sustain=0.992), at, gain=0.95)
                mix.add(brush(0.3, brightness=0.9, seed=3), at, gain=0.10, pan=0.4)
                if count % 2:
                    mix.add(brush(0.22, brightness=0.5, seed=4), at, gain=0.16, pan=-0.2)
                    mix.add(brush(0.2, brightness=0.9, seed=5), at + beat * 0.67, gain=0.07, pan=0.4)
            for at in (start + beat * 0.67, start + beat * 2.67) if bar % 2 else (start + beat * 1.67,):
                for note in comp[bar]:
                    mix.add(tine(note, 0.7), at, gain=0.13, pan=-0.3)
            for where, when, note in riff:
                if where == bar:
                    mix.add(tine(note, 1.2), start + when * beat, gain=0.3, pan=0.15)
    end = 20 * 4 * beat
    for spread, note in enumerate((29, 53, 57, 63, 67, 74)):
        mix.add(tine(note, 3.0), end + 0.04 * spread, gain=0.3)
    mix.add(brush(1.6, brightness=0.95, seed=6), end, gain=0.15, pan=0.3)
    mix.samples = mix.samples[:, : seconds(end + 3.2)]
    mix.add_room(amount=0.22, decay_seconds=0.8)
    return mix.master(fade_out=1.5)


def moss() -> Stereo:
    """Two thumb pianos, one in fives and one in fours, drifting apart and together again."""
    mix, step = Mix(42), 0.21
    fives, fours = (62, 69, 74, 71, 76), (66, 64, 69, 59)
    for index in range(180):
        at = index * step
        swell = 0.55 + 0.45 * np.sin(index / 180 * np.pi)
        if index % 40 not in (33, 35, 38):
            mix.add(kalimba(fives[index % 5], 1.4), at, gain=0.5 * swell, pan=-0.45)
        if index >= 20 and index % 2 == 0:
            mix.add(
                kalimba(fours[index // 2 % 4] + 12 * (index % 16 == 8), 1.6),
                at + 0.006,
                gain=0.4 * swell,
                pan=0.45,
            )
        if index % 20 == 0:
            mix.add(kalimba((38, 43, 35, 40)[index // 20 % 4], 2.0), at, gain=0.75)
            mix.add(pad((50, 55, 47, 52)[index // 20 % 4], 6.0, harmonics=3), at, gain=0.1)
    mix.add_room(amount=0.35, decay_seconds=1.6)
    return mix.master(fade_out=3.5)


def glass_elevator() -> Stereo:
    """Bells climbing floor by floor and coming down again."""
    mix, step = Mix(34), 0.25
    floors = [
        (0, 4, 7, 11),
        (2, 5, 9, 12),
        (4, 7, 11, 14),
        (5, 9, 12, 16),
        (7, 11, 14, 17),
        (5, 9, 12, 16),
        (0, 4, 7, 14),
    ]
    for floor, chord in enumerate(floors):
        start = floor * 16 * step
        for index in range(16):
            note = 64 + chord[(0, 2, 1, 3, 2, 3, 1, 2)[index % 8]] + 12 * (index % 16 in (7, 13))
            mix.add(bell(note, 2.2), start + index * step, gain=0.3, pan=0.6 * np.sin(index * 1.1))
        mix.add(pad(40 + chord[0], 6.5, harmonics=4), start, gain=0.35)
        mix.add(pad(52 + chord[2], 6.5, harmonics=3), start, gain=0.18, pan=0.3)
    mix.add(bell(76, 4.0), len(floors) * 16 * step, gain=0.35)
    mix.add_room(amount=0.45, decay_seconds=2.0)
    return mix.master(fade_out=3)
