import ctypes

import pytest

from mnist_cnn.training.allocator import keep_freed_memory


def test_both_parameters_of_glibc_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Library:
        def mallopt(self, parameter: int, value: int) -> None:
            calls.append((parameter, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    keep_freed_memory()
    assert sorted(calls) == [(-4, 0), (-1, 2**31 - 1)]  # M_MMAP_MAX and M_TRIM_THRESHOLD of malloc.h


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
