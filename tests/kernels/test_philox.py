"""philox: the published vectors, and the Numba kernel against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import philox

MASK = 0xFFFFFFFF

# Known answers of philox4x32 with 10 rounds, from the Random123 distribution: counter, key, result.
KNOWN = {
    "zeros": (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    "ones": (
        (MASK, MASK, MASK, MASK),
        (MASK, MASK),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}


def plain_philox(counter, key, rounds=10):
    """Philox4x32 on Python integers."""
    c, k = list(counter), list(key)
    for _ in range(rounds):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return tuple(c)


def plain_words(key, index, block, draw):
    """The package's layout: counter = (index low, index high, block, draw), key low word first."""
    counter = (index & MASK, index >> 32, block, draw)
    return plain_philox(counter, (key & MASK, key >> 32))


def kernel_words(counter, key):
    index = counter[0] | counter[1] << 32
    return philox.words_at(
        key[0] | key[1] << 32, np.array([index], dtype=np.uint64), counter[2], counter[3]
    )[0]


@pytest.mark.parametrize("name", KNOWN)
def test_published_vectors(name):
    counter, key, expected = KNOWN[name]
    assert plain_philox(counter, key) == expected
    assert tuple(kernel_words(counter, key)) == expected


def test_nine_rounds_do_not_give_the_published_vectors():
    """Companion: the vectors tell a generator with one round less from the right one."""
    counter, key, expected = KNOWN["pi"]
    assert plain_philox(counter, key, rounds=9) != expected


@pytest.mark.parametrize("start", [0, 7, 2**32 - 2, 2**40, 2**63])
def test_ranges_and_single_indices_match_the_plain_reference(start):
    key, block, draw = 0x0123456789ABCDEF, 5, 2**32 - 1
    expected = [plain_words(key, start + i, block, draw) for i in range(4)]
    np.testing.assert_array_equal(philox.words_range(key, start, 4, block, draw), expected)
    index = np.arange(start, start + 4, dtype=np.uint64)
    np.testing.assert_array_equal(philox.words_at(key, index, block, draw), expected)


def test_uniforms_are_52_bits_of_the_first_two_words_plus_half_a_step():
    key = 987654321
    words = philox.words_range(key, 3, 50).astype(object)
    expected = [(((w[0] >> 6) << 26 | w[1] >> 6) * 2 + 1) / 2**53 for w in words]
    np.testing.assert_array_equal(philox.uniform_range(key, 3, 50), expected)
