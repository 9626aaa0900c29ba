"""Digits as pen strokes, in the styles that people of many countries write."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

_OVAL = "38,2 12,12 2,50 12,88 32,100 52,86 60,50 50,14 34,0"
_ROUND = "32,4 10,16 0,54 10,90 32,98 54,88 64,52 52,16 38,4"
_BOWL = "| 30,36 54,48 56,82 28,100 2,90"  # the lower part of a 5
_NECK = "6,24 14,6 34,0 52,12 52,32 34,62"  # the upper part of a 2
_HOOP = "50,16 28,0 6,14 6,38 28,48 50,34"  # the upper part of a 9

# Digit -> style -> how usual it is (relative to the other styles of the digit) and the two drawings between which it
# lies. A drawing is a list of points "x,y" that the pen passes, in hundredths of the digit's height, x to the right, y
# down. The pen curves smoothly from point to point, turns sharply at a point that "|" follows, and is lifted at "/".
# Both drawings have the same points, so that anything between them is the style too.
STYLES: dict[int, dict[str, tuple[float, str, str]]] = {
    0: {
        "closed": (6, _OVAL, _ROUND),
        "pointed": (2, "30,0 6,36 4,74 28,100 54,78 54,36 30,0", "36,0 2,44 6,84 30,98 56,84 52,30 24,2"),
        "overlapping": (2, "50,12 26,2 4,30 4,72 30,100 56,74 58,36 42,6 18,-4",
            "44,0 16,8 2,40 8,84 32,98 56,78 58,38 46,16 24,22"),
        "open": (2, "42,8 16,6 2,46 10,88 32,100 54,86 60,48 54,20", "22,8 6,26 0,56 10,90 32,100 54,88 60,50 44,4"),
        "loop": (2, "36,6 12,16 2,52 12,90 34,100 54,84 58,46 46,12 30,2 20,8 28,18 44,12 62,0",
            "30,10 8,26 2,58 16,92 36,98 56,80 58,46 44,16 30,10 26,1 35,-1 39,6 32,13"),
        "two arcs": (1, "34,0 6,16 2,60 16,92 34,98 / 28,2 52,12 60,52 50,90 30,98",
            "30,4 4,24 4,66 16,94 30,96 / 34,2 56,22 58,64 48,90 36,98"),
        "curled": (1, "48,2 20,4 2,44 10,88 32,100 56,80 60,40 44,14 24,22 20,34",
            "40,0 12,14 0,54 12,92 34,98 58,76 58,34 40,4 14,0 -4,8"),
        "slash": (3, f"{_OVAL} / 10,86 52,14", f"{_ROUND} / 18,72 46,26"),
        "crossing slash": (2, f"{_OVAL} / -8,112 66,-12", f"{_ROUND} / -6,84 68,14"),
        "backslash": (1, f"{_OVAL} / 12,16 50,86", f"{_ROUND} / 18,30 46,72"),
        "crossing backslash": (1, f"{_OVAL} / -6,-8 68,108", f"{_ROUND} / -6,18 68,84"),
        "one-stroke slash": (1, "46,8 16,8 2,50 12,88 32,100 54,84 62,46 52,8 | 10,92",
            "36,4 12,14 0,54 10,90 32,98 54,88 64,52 54,6 | 18,72"),
        "dot": (2, f"{_OVAL} / 30,46 30,52", f"{_ROUND} / 30,49 34,51"),
    },
    1: {
        "stem": (4, "30,0 30,100", "38,0 24,100"),
        "curved": (1, "26,0 34,34 34,68 28,100", "34,0 27,34 27,68 34,100"),
        "flag": (4, "20,18 32,0 | 32,100", "9,38 34,0 | 30,100"),
        "wide flag": (3, "10,22 32,0 | 32,100", "-2,34 34,0 | 32,100"),
        "short flag": (4, "10,16 32,2 | 32,100", "8,6 32,3 | 31,100"),
        "shoulder": (0.5, "14,15 27,1 35,11 36,100", "10,10 25,0 34,9 34,100"),
        "curved flag": (2, "6,36 21,26 32,0 | 32,100", "16,24 27,16 34,0 | 30,100"),
        "long upstroke": (4, "-2,52 34,0 | 34,100", "-14,84 36,0 | 36,100"),
        "curved long upstroke": (1, "-4,56 16,36 34,0 | 34,100", "-14,80 12,52 36,0 | 36,100"),
        "foot": (3, "10,30 30,0 | 30,100 / 6,100 54,100", "20,18 32,0 | 30,100 / -2,98 66,102"),
        "long upstroke and foot": (1, "-2,52 34,0 | 34,100 / 8,100 60,100", "-8,64 34,0 | 34,100 / 0,102 70,98"),
        "plain foot": (1, "30,0 30,100 / 8,100 52,100", "34,0 28,100 / -2,102 62,98"),
        "one-stroke foot": (1, "12,24 30,0 | 30,98 | 10,100 | 52,100", "16,16 32,0 | 28,96 | 0,98 | 62,98"),
        "slanted": (2, "52,0 4,100", "36,0 8,100"),
        "two strokes": (1, "32,0 32,100 / 32,2 14,34", "34,0 30,100 / 30,-2 2,50"),
        "exit": (0.5, "12,22 30,0 | 30,90 36,100 44,96", "14,20 32,0 | 30,94 33,99 38,98"),
    },
    2: {
        "plain": (5, f"{_NECK} 2,98 | 30,97 60,97", "4,28 18,4 38,0 54,18 46,42 28,66 0,96 | 26,100 64,100"),
        "rounded": (2, f"{_NECK} 10,86 14,98 36,98 62,92", "2,16 16,2 36,0 54,14 48,38 28,62 4,90 20,100 42,96 60,88"),
        "loop": (4, f"{_NECK} 22,82 6,95 -2,88 8,80 28,89 62,98",
            "4,22 18,2 40,2 54,20 44,46 34,62 22,78 4,98 -10,84 4,70 26,84 64,92"),
        "Z": (2, "2,6 30,2 56,2 | 2,98 | 60,98", "6,2 36,-2 52,6 | 6,98 | 58,96"),
        "wavy base": (3, f"{_NECK} 2,96 | 16,86 32,92 46,100 64,88",
            "2,26 10,6 36,-2 56,12 50,38 32,64 0,98 | 14,92 30,92 48,102 70,92"),
        "curl": (2, "22,26 10,30 4,16 22,0 46,4 52,26 34,62 2,98 | 32,98 60,98",
            "26,20 18,30 2,24 8,4 40,-2 56,20 40,60 0,96 | 32,94 66,100"),
        "curl and loop": (1, "22,26 10,30 4,16 22,0 46,4 54,26 40,60 22,84 6,95 -4,86 8,78 28,88 62,96",
            "26,22 16,30 2,22 8,4 38,-2 56,20 46,54 24,82 4,98 -8,86 6,74 30,86 66,90"),
        "long base": (2, f"{_NECK} 2,98 | 30,97 82,95", "4,20 16,2 36,0 48,14 42,36 28,60 -2,98 | 38,92 92,98"),
        "big loop": (1, "6,24 14,6 34,0 52,12 50,36 40,68 22,92 4,98 -4,84 8,70 30,78 68,98",
            "14,18 20,4 36,0 48,14 48,40 42,72 24,98 0,100 -8,80 10,68 34,80 76,94"),
        "falling base": (1, f"{_NECK} 0,94 | 30,98 62,106", "4,22 18,2 38,0 54,14 48,38 28,64 2,88 | 28,93 66,101"),
        "wide curl": (2, "28,46 8,44 2,22 20,2 44,6 50,34 34,66 6,98 | 34,96 62,94",
            "20,50 4,38 0,18 14,2 40,4 50,26 34,64 0,96 | 30,98 64,98"),
        "small head": (2, "22,12 32,0 42,10 38,40 28,78 10,98 -6,84 6,64 32,76 62,82",
            "14,18 22,4 32,6 28,44 18,80 4,98 -4,88 6,80 30,92 58,92"),
    },
    3: {
        "plain": (5, "4,14 26,0 50,12 46,36 20,46 | 48,56 56,80 30,100 0,88",
            "2,6 28,0 46,16 38,38 16,44 | 52,54 60,82 34,100 2,94"),
        "smooth": (2, "4,10 28,0 50,14 42,38 26,47 46,56 56,78 32,100 0,90",
            "6,4 30,0 46,16 38,38 28,45 48,54 60,78 36,100 4,96"),
        "loop": (3, "4,14 26,0 52,12 46,34 28,47 15,52 12,44 20,41 38,48 56,64 54,88 28,100 0,88",
            "2,10 28,0 50,16 45,34 28,48 12,55 8,46 17,39 38,47 58,66 52,92 28,100 2,94"),
        "flat top": (4, "4,2 52,2 | 22,40 | 46,46 58,68 46,94 22,100 0,90",
            "2,6 56,0 | 26,38 | 52,46 62,74 44,98 18,100 -2,92"),
        "flat top, no cusp": (1, "6,2 54,2 | 30,36 46,44 58,66 48,92 24,100 0,90",
            "4,0 50,2 | 32,38 48,48 60,72 46,96 20,100 2,94"),
        "curls": (2, "12,20 4,18 8,4 32,0 50,16 42,38 20,46 | 48,54 56,80 30,100 4,94 4,84 12,84",
            "10,15 3,14 4,4 30,-2 48,16 38,38 18,44 | 52,52 60,84 32,102 0,94 -2,84 8,82"),
        "long tail": (1, "8,12 30,0 48,12 44,32 24,42 | 50,50 58,76 32,98 -12,100",
            "6,6 30,0 46,14 38,34 20,40 | 54,52 58,82 22,104 -20,96"),
        "open tail": (3, "2,10 28,0 46,12 34,34 20,42 | 40,46 44,62 30,84 4,100",
            "0,6 30,0 50,8 40,30 26,40 | 42,44 50,58 40,82 18,98"),
    },
    4: {
        "open": (5, "12,0 2,56 | 60,54 / 44,18 42,100", "20,4 0,62 | 62,58 / 42,-2 40,100"),
        "rounded": (3, "8,0 2,40 16,56 38,52 54,42 / 54,0 48,100", "12,4 2,44 10,60 36,60 60,56 / 48,6 42,100"),
        "closed": (4, "44,0 0,66 | 64,66 / 44,0 44,100", "40,2 -4,72 | 60,70 / 42,-4 40,100"),
        "one stroke": (3, "62,64 0,64 | 44,0 | 44,100", "56,72 -6,70 | 42,0 | 38,100"),
        "short bar": (2, "8,0 4,50 | 50,50 / 52,0 50,100", "20,0 0,58 | 44,58 / 46,6 44,100"),
        "long bar": (2, "14,0 0,52 | 84,50 / 42,12 40,100", "38,0 -14,64 | 84,62 / 38,0 38,100"),
        "angular one stroke": (1, "20,0 0,54 | 48,52 | 50,2 | 46,100", "28,0 0,62 | 44,60 | 52,24 | 40,100"),
        "looped": (2, "16,2 0,58 | 44,60 70,44 60,26 46,44 40,100", "20,0 -4,60 | 44,60 64,38 56,10 44,36 38,100"),
    },
    5: {
        "plain": (5, f"14,4 10,42 {_BOWL} / 14,4 54,2", "16,2 6,46 | 28,40 56,50 54,86 26,100 -2,94 / 14,2 60,-4"),
        "one stroke": (3, f"52,2 14,2 | 10,42 {_BOWL}", "58,0 18,4 | 8,46 | 30,40 56,52 52,88 24,100 0,94"),
        "floating bar": (4, f"14,8 10,44 {_BOWL} / 24,-4 60,-8",
            "16,2 8,46 | 30,40 58,52 54,88 26,100 0,92 / 32,4 74,-4"),
        "missing bar": (1, f"18,-2 10,42 {_BOWL}", "26,-4 12,42 | 34,36 56,52 52,86 26,100 0,88"),
        "S": (2, "56,2 26,4 10,22 22,40 46,52 54,74 34,98 2,92", "58,0 20,1 6,34 18,42 48,48 58,78 32,100 -2,94"),
        "long bar": (2, f"12,4 8,42 {_BOWL} / 10,4 88,-2", "16,4 8,46 | 30,40 54,52 52,88 24,100 0,92 / 4,4 78,2"),
        "curl": (2, "14,4 10,42 | 32,36 56,50 54,84 26,100 4,92 6,80 18,82 / 14,4 54,0",
            "16,2 8,46 | 30,38 58,52 52,90 22,102 -2,92 2,78 16,78 / 14,2 58,-4"),
        "flourish": (2, "64,-2 44,6 22,2 | 12,38 | 34,34 52,52 44,86 18,100 -4,92 -6,82 2,80",
            "76,-8 54,5 26,-2 | 6,40 | 32,34 54,52 42,88 14,100 -8,92 -10,78 4,76"),
        "knot": (1, "54,2 16,2 | 10,36 2,54 -4,44 12,38 36,40 56,58 50,90 24,100 0,90",
            "58,0 20,2 | 12,40 6,52 0,46 14,40 36,42 58,62 50,92 24,100 2,94"),
        "closing bowl": (2, "14,4 10,42 36,40 54,62 40,94 14,98 -2,84 6,64 / 14,4 54,2",
            "18,2 8,44 38,46 52,66 38,96 12,98 2,86 10,72 / 16,0 60,-4"),
        "short neck": (2, "50,0 24,4 | 16,32 | 40,34 54,60 38,94 6,92", "60,2 22,6 | 8,30 | 36,30 58,58 40,96 0,94"),
    },
    6: {
        "plain": (5, "44,0 18,24 2,62 10,92 32,100 54,84 46,60 24,56 4,74",
            "34,0 12,28 0,62 8,92 30,100 54,82 50,58 26,50 4,66"),
        "straight": (2, "46,0 24,32 4,66 8,92 30,100 50,86 44,64 24,60 6,74",
            "38,0 20,34 6,66 8,92 30,100 52,84 46,62 26,56 8,70"),
        "upright": (1, "14,0 6,36 2,66 8,94 28,100 50,84 46,60 26,54 4,70",
            "22,0 10,34 2,68 10,94 30,100 48,86 44,66 24,60 6,72"),
        "hook": (2, "56,16 42,0 14,16 2,58 10,92 32,100 54,84 46,60 24,54 4,70",
            "52,8 40,2 18,18 2,56 8,90 32,100 56,84 50,58 26,52 6,66"),
        "curl": (3, "46,0 18,24 2,62 10,92 32,100 54,82 44,58 24,62 20,78 34,80",
            "40,0 12,28 0,60 8,92 32,100 56,80 48,54 24,56 16,72 24,80"),
        "small loop": (2, "56,0 26,36 6,74 10,94 28,100 44,90 40,74 24,70 8,80",
            "34,0 12,36 2,72 8,94 26,100 42,88 38,72 22,68 6,78"),
        "wide loop": (1, "20,0 2,50 6,88 30,100 62,78 58,52 38,50 12,76",
            "34,0 10,40 2,80 24,100 58,86 66,60 46,50 20,66"),
        "open": (2, "46,0 18,24 2,60 8,92 30,100 52,88 50,66 30,62 22,70",
            "38,0 12,28 0,60 8,92 30,100 54,84 46,62 30,60 18,66"),
        "crossing": (2, "44,0 20,26 6,60 10,90 32,100 54,84 48,62 24,58 -10,74",
            "36,0 14,28 4,60 8,90 30,100 54,84 46,60 22,58 -6,84"),
        "big loop": (2, "26,0 8,20 0,54 10,90 34,100 58,80 56,46 36,30 12,44 4,66",
            "34,0 8,14 -2,52 12,90 38,100 64,76 58,40 38,28 16,44 8,62"),
        "side loop": (2, "10,0 0,40 10,84 34,98 60,78 54,54 34,60 24,92",
            "24,0 4,36 4,78 28,98 66,84 64,62 40,60 22,84"),
        "square": (0.5, "52,0 6,0 | 4,98 | 54,98 | 56,46 | 5,46", "58,4 0,2 | 0,100 | 60,98 | 58,52 | 1,50"),
    },
    7: {
        "plain": (4, "-2,4 58,2 | 24,100", "-4,2 58,4 | 36,100"),
        "crossed": (5, "4,4 58,2 | 24,100 / 18,52 58,48", "2,2 60,2 | 30,100 / 18,56 70,40"),
        "serif": (3, "2,18 2,2 | 58,2 | 24,100", "-4,28 0,3 | 58,3 | 38,100"),
        "serif and cross": (2, "4,20 4,2 | 58,2 | 24,100 / 18,54 58,50", "-2,28 6,4 | 58,0 | 32,100 / 18,48 66,46"),
        "curved": (3, "-2,6 58,2 | 36,42 26,100", "-4,2 60,4 | 44,40 38,100"),
        "curved and crossed": (2, "4,6 58,2 | 38,42 28,100 / 14,50 62,48", "2,2 60,4 | 42,40 34,100 / 22,56 64,50"),
        "wavy bar": (2, "-8,11 6,2 32,9 60,2 | 36,44 26,100", "-6,15 4,3 32,6 62,0 | 34,50 24,100"),
        "wavy bar and cross": (1, "-8,11 6,2 32,9 60,2 | 36,44 26,100 / 14,54 58,50",
            "-6,15 4,3 32,6 62,0 | 38,50 28,100 / 20,48 62,48"),
        "rounded": (1, "-6,6 30,2 56,6 44,36 24,100", "-4,4 34,0 60,8 46,40 32,100"),
        "long bar": (2, "-16,4 58,0 | 30,100", "-22,2 60,2 | 40,100"),
        "looped corner": (0.5, "-10,34 0,27 20,32 42,27 57,10 49,-2 40,12 42,44 40,100",
            "-4,14 6,6 32,10 54,8 60,-3 50,-6 44,6 38,46 26,100"),
        "n": (1, "0,40 12,4 | 24,8 44,4 | 24,100", "-2,30 6,6 | 26,12 50,2 | 18,100"),
    },
    8: {
        "S and close": (5, "50,14 30,0 8,14 14,36 44,58 54,82 30,100 4,84 14,60 44,38 54,16 44,6",
            "46,10 28,0 10,16 20,38 42,54 56,80 30,100 2,82 18,56 40,40 50,18 40,4"),
        "two loops": (3, "30,0 10,12 12,36 30,46 50,36 50,12 32,0 / 30,46 4,62 6,90 30,100 56,90 54,62 32,46",
            "34,0 14,12 16,32 32,42 46,32 46,12 30,2 / 28,50 6,64 8,90 30,100 52,92 54,64 34,50"),
        "open": (3, "46,2 20,2 8,20 22,42 48,62 50,88 28,100 6,86 14,62 38,44 58,18",
            "40,0 18,4 10,22 24,42 50,64 48,90 26,100 4,84 16,60 38,42 52,10"),
        "tiny top": (2, "42,8 30,0 17,10 26,26 50,54 58,80 30,100 2,80 10,52 34,26 43,12 34,2",
            "44,10 30,2 16,14 26,32 48,56 54,82 30,100 4,82 12,56 34,32 44,14 34,0"),
        "tiny bottom": (1, "50,12 30,0 6,20 14,46 36,70 42,88 30,100 18,88 24,70 48,44 54,18 44,4",
            "48,10 28,0 8,18 16,42 36,64 46,86 30,100 14,86 24,64 46,42 52,16 40,2"),
        "ribbon": (2, "54,-4 28,2 8,18 18,40 46,60 52,86 28,100 4,84 14,60 42,38 46,18 30,-6",
            "60,4 30,0 10,18 20,40 46,58 54,84 28,100 2,84 14,60 44,40 50,18 38,-8"),
        "angular": (0.5, "48,4 6,4 | 14,34 52,90 | 30,100 4,92 | 42,40 50,4",
            "52,6 10,0 | 12,30 52,88 | 28,98 2,94 | 46,36 46,0"),
        "narrow waist": (1, "40,4 14,8 12,30 46,62 44,92 20,98 8,74 46,36 52,14 38,2",
            "48,8 20,0 6,20 40,50 56,76 36,100 10,90 22,54 56,26 46,6"),
        "tail": (1, "62,0 24,2 6,18 30,40 46,64 36,96 16,90 24,60 50,32 64,4",
            "70,8 30,4 8,14 24,40 40,70 26,100 8,84 22,56 54,36 62,12"),
    },
    9: {
        "straight": (5, f"{_HOOP} 52,8 | 50,100", "46,8 24,2 4,20 10,44 32,44 48,26 50,0 | 42,100"),
        "slanted": (2, f"{_HOOP} 54,12 | 22,100", "52,14 32,0 8,14 8,36 28,44 48,32 56,8 | 30,100"),
        "smooth": (3, "52,16 30,0 6,14 8,40 30,46 50,28 54,18 50,50 24,100",
            "50,14 28,0 4,18 10,44 32,44 50,24 54,12 52,50 38,100"),
        "curled": (4, f"{_HOOP} 52,10 | 54,60 44,94 22,100 2,90",
            "48,10 26,0 4,18 8,44 32,46 50,26 54,6 | 56,64 48,96 24,102 4,96"),
        "hooked": (2, f"{_HOOP} 52,8 | 52,84 44,98 32,94",
            "50,12 28,0 4,16 8,42 30,46 50,26 52,4 | 48,86 38,100 24,92"),
        "g": (2, f"{_HOOP} 52,8 | 54,70 44,102 18,106 0,92 4,84",
            "48,8 26,0 4,18 8,42 30,44 48,26 52,4 | 56,72 44,104 10,108 -6,96 -4,88"),
        "open": (3, "42,8 24,0 4,18 10,42 32,46 54,18 | 54,58 52,100",
            "40,2 18,4 2,24 12,46 34,42 56,14 | 50,60 30,100"),
        "two strokes": (2, "32,0 8,10 6,38 28,48 50,38 52,12 34,0 / 54,0 52,100",
            "34,2 12,8 4,34 24,46 46,36 48,14 32,0 / 54,4 46,100"),
        "big head": (2, "54,24 34,0 6,10 2,44 20,64 46,54 56,20 | 54,100",
            "58,20 30,-2 4,14 4,50 26,66 50,50 58,14 | 40,100"),
        "flat head": (2, "48,8 22,2 4,20 18,42 46,36 | 44,100", "54,4 24,4 8,26 24,44 50,34 | 34,100"),
        "square": (0.5, "52,48 4,46 | 4,2 | 54,0 | 54,98 | 6,98", "58,44 0,50 | 2,0 | 58,4 | 56,102 | 0,98"),
    },
}  # fmt: skip


def sample_strokes(digit: int, rng: np.random.Generator, style: str | None = None) -> list[np.ndarray]:
    """Write a digit as a pen, a finger or a mouse would, each time a little differently.

    Args:
        digit: 0 to 9.
        rng: the only source of randomness; equal generators write equal strokes.
        style: one of STYLES[digit]; by default any of them, the usual ones more often.

    Returns:
        One float64 array of shape (points, 2) per stroke, in the order of writing: x to the right and y down. The
        digit fills the unit square in its longer direction and is centred in the other.
    """
    styles = STYLES[digit]
    if style is None:
        weights = np.array([weight for weight, _, _ in styles.values()])
        style = list(styles)[rng.choice(len(styles), p=weights / weights.sum())]
    return write(*styles[style][1:], rng)


def write(one: str, other: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Write something between two drawings (in the notation of STYLES), as `sample_strokes` does."""
    points, outline = _parse(one)
    mix = rng.uniform(-0.35, 1.35) + rng.normal(0, 0.35, (len(points), 1))
    points = points + mix * (_parse(other)[0] - points)
    haste = rng.uniform(0.3, 2.4)  # how far this writer strays from the drawing
    points += rng.normal(0, 0.018 * haste, points.shape)
    spacing = sample_spacing(rng)
    strokes = []
    for pieces in outline:
        shift = rng.normal(0, 0.015 * haste, 2) if len(outline) > 1 else 0.0
        stroke = np.concatenate([travel(_catmull_rom(points[piece]), spacing, rng) for piece in pieces])
        strokes.append(stroke + shift)
    strokes = _split(_distort(np.concatenate(strokes), haste, rng), strokes)
    return record([_slip(stroke, rng) for stroke in _drag(strokes, rng)], rng)


def sample_spacing(rng: np.random.Generator) -> float:
    """How far apart a device reports a pen's places, as a share of the digit's height."""
    return rng.choice([0.02, 0.04, 0.08, 0.16], p=[0.4, 0.3, 0.2, 0.1])


def travel(curve: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Return the points at which a device sees a pen that follows the curve, now faster and now slower.

    Args:
        curve: shape (n, 2).
        spacing: mean distance of the points, in the curve's unit.
        rng: of the pen's speed.

    Returns:
        Two points or more, the curve's ends among them, shape (m, 2).
    """
    step = np.diff(curve, axis=0)
    way = np.concatenate([[0.0], np.hypot(step[:, 0], step[:, 1]).cumsum()])
    time = np.linspace(0, 1, 2 + int(way[-1] / spacing))
    time += rng.uniform(-0.14, 0.14) * np.sin(2 * np.pi * time)  # less than 1 / (2 pi): time runs forward
    return np.stack([np.interp(time * way[-1], way, axis) for axis in curve.T], axis=1)


def record(strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Shake the strokes of a digit of height 1 as an unsteady hand does, fit them, and round them as a canvas may."""
    shaken = fit(_split(_tremble(np.concatenate(strokes), rng), strokes))
    if rng.random() < 0.25:  # the pixels of a small canvas
        grid = rng.integers(18, 64)
        shaken = [np.round(stroke * grid) / grid for stroke in shaken]
    return shaken


def fit(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Move and scale strokes so that they fill the unit square in one direction and are centred in the other."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return [(stroke - (low + high) / 2) / (high - low).max() + 0.5 for stroke in strokes]


def draw(strokes: Sequence[np.ndarray], rng: np.random.Generator, size: int = 112) -> Image.Image:
    """Render strokes with a pen of random width, very thin to very thick."""
    steps = np.concatenate([np.diff(stroke, axis=0) for stroke in strokes])
    box = np.maximum(np.ptp(np.concatenate(strokes), axis=0), 0.25)
    thickest = 0.6 * box.prod() / np.hypot(*steps.T).sum()  # lest the pen fill the loops
    return render(strokes, size, size * min(thickest, np.exp(rng.uniform(np.log(0.015), np.log(0.16)))))


def render(strokes: Sequence[np.ndarray], size: int, pen_width: float) -> Image.Image:
    """Draw strokes as a sketchpad does: a round pen of one width, black, antialiased, on a transparent canvas.

    Args:
        strokes: arrays of shape (points, 2); the unit square fits into the canvas, pen included.
        size: width and height of the canvas in pixels.
        pen_width: in pixels.

    Returns:
        An RGBA image.
    """
    scale = 4  # pixels drawn per pixel kept, and so 17 shades of antialiasing
    ink = Image.new("L", (size * scale, size * scale))
    draw = ImageDraw.Draw(ink)
    nib = max(2, round(pen_width * scale))
    edge = 2 * scale
    for stroke in strokes:
        corners = np.round(edge + stroke * (size * scale - 2 * edge - nib)).tolist()
        draw.line([(x + (nib - 1) // 2, y + (nib - 1) // 2) for x, y in corners], fill=255, width=nib)
        for x, y in corners:
            draw.ellipse((x, y, x + nib - 1, y + nib - 1), fill=255)  # Pillow counts the last pixel in
    picture = Image.new("RGBA", (size, size))
    picture.putalpha(ink.reduce(scale))
    return picture


@lru_cache(maxsize=1000)
def _parse(drawing: str) -> tuple[np.ndarray, list[list[slice]]]:
    """Return a drawing's points, shape (n, 2), and for each stroke the slices of them that are smooth pieces."""
    points: list[list[float]] = []
    strokes: list[list[slice]] = []
    for stroke in drawing.split("/"):
        pieces = []
        start = len(points)
        for piece in stroke.split("|"):
            points += [[int(number) / 100 for number in point.split(",")] for point in piece.split()]
            pieces.append(slice(start, len(points)))
            start = len(points) - 1
        strokes.append(pieces)
    return np.array(points), strokes


def _catmull_rom(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """Return a smooth curve through the points, `steps` points for each given one.

    The centripetal Catmull-Rom spline (Catmull and Rom 1974, "A class of local interpolating splines"; Yuksel et al.
    2011, "Parameterization and applications of Catmull-Rom curves"), which makes no loops or cusps of its own.
    """
    ends = np.stack([2 * points[0] - points[1], 2 * points[-1] - points[-2]])
    points = np.concatenate([ends[:1], points, ends[1:]])
    step = np.diff(points, axis=0)
    knots = np.sqrt(np.hypot(step[:, 0], step[:, 1]) + 1e-9)[:, None]
    slope = step / knots
    tangent = slope[:-1] + slope[1:] - (step[:-1] + step[1:]) / (knots[:-1] + knots[1:])
    t = np.linspace(0, 1, steps)[:, None, None]
    curve = (
        points[1:-2]
        + step[1:-1] * t**2 * (3 - 2 * t)
        + knots[1:-1] * t * (1 - t) * (tangent[:-1] * (1 - t) - tangent[1:] * t)
    )
    return curve.swapaxes(0, 1).reshape(-1, 2)


def _distort(path: np.ndarray, haste: float, rng: np.random.Generator) -> np.ndarray:
    """Change the path's proportions, bend it by two slow waves, then slant, rotate and stretch it."""

    def normal(mean: float, deviation: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, deviation), low, high))

    x, y = path.T
    x = x + normal(0, 0.15, -0.35, 0.35) * (x - x.mean()) * (y - 0.5)  # wider at the foot or at the head
    y = y + normal(0, 0.2, -0.4, 0.4) * y * (1 - y)  # a lower or a higher waist
    path = np.stack([x, y], axis=1)
    for _ in range(2):
        wave = rng.normal(0, 3, 2)  # radians per digit height
        path = path + np.sin(path @ wave + rng.uniform(0, 2 * np.pi))[:, None] * rng.normal(0, 0.025 * haste, 2)
    slant, angle, aspect = normal(0.1, 0.2, -0.3, 0.6), normal(0, 0.08, -0.2, 0.2), np.exp(normal(0, 0.22, -0.4, 0.45))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return path @ (rotation @ np.array([[aspect, -slant], [0, 1]])).T


def _tremble(path: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shake the path as an unsteady hand or a mouse does."""
    shake = rng.normal(0, min(rng.exponential(0.004), 0.012), (len(path) + 1, 2))
    return path + (shake[1:] + shake[:-1]) / 2


def _drag(strokes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Now and then, forget to lift the pen between two strokes."""
    dragged = strokes[:1]
    for stroke in strokes[1:]:
        if rng.random() < 0.04:
            dragged[-1] = np.concatenate([dragged[-1], stroke])
        else:
            dragged.append(stroke)
    return dragged


def _slip(stroke: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Now and then, begin or end a stroke with a hook, or touch the paper too late or leave it too early.

    Tappert, Suen and Wakahara 1990, "The state of the art in on-line handwriting recognition", tell of the hooks.
    """
    for _ in range(2):
        stroke = stroke[::-1]
        luck = rng.random()
        if luck < 0.04:
            stroke = np.concatenate([stroke, stroke[-1:] + rng.normal(0, 0.05, (1, 2))])
        elif luck < 0.08:
            stroke = stroke[: max(2, round(len(stroke) * rng.uniform(0.85, 1)))]
    return stroke


def _split(path: np.ndarray, strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Cut a path into strokes as long as the given ones."""
    return np.split(path, np.cumsum([len(stroke) for stroke in strokes])[:-1])
