"""The random bits are Philox's, and what is drawn from them has the range and the distribution it should."""

from __future__ import annotations

import math

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops

DTYPES = [sw.f64, sw.f32, sw.bf16, sw.f16]


def drawn(op, count, dtype, seed=1, counter=0, **params):
    return op.value(sizes=(count,), dtype=dtype, seed=seed, counter=counter, **params)


# Known answers: Random123, kat_vectors, "philox4x32 10".
def block(counter, key):
    low, high = counter[0] | counter[1] << 32, counter[2] | counter[3] << 32
    return [int(w) for w in ops.philox4x32(low | high << 64, 1, key[0] | key[1] << 32)[0]]


def test_philox_of_zeros():
    assert block((0, 0, 0, 0), (0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_philox_of_ones():
    ones = 0xFFFFFFFF
    assert block((ones,) * 4, (ones, ones)) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_philox_of_pi():
    got = block((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0))
    assert got == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_philox_agrees_with_python_integers():
    def rounds(c, k):
        for _ in range(10):
            p, q = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
            c = [q >> 32 ^ c[1] ^ k[0], q & 0xFFFFFFFF, p >> 32 ^ c[3] ^ k[1], p & 0xFFFFFFFF]
            k = [k[0] + 0x9E3779B9 & 0xFFFFFFFF, k[1] + 0xBB67AE85 & 0xFFFFFFFF]
        return c

    start, seed = 2**33 - 2, 0x0123456789ABCDEF
    words = ops.philox4x32(start, 4, seed)
    for i in range(4):
        counter = start + i
        assert [int(w) for w in words[i]] == rounds(
            [counter & 0xFFFFFFFF, counter >> 32, 0, 0], [0x89ABCDEF, 0x01234567]
        )


def test_blocks_do_not_depend_on_how_many_are_drawn_at_once():
    whole = ops.philox4x32(5, 20_000, 3)
    parts = np.concatenate([ops.philox4x32(5, 9_000, 3), ops.philox4x32(9_005, 11_000, 3)])
    np.testing.assert_array_equal(whole, parts)


def test_a_stream_that_runs_out_is_an_error():
    with pytest.raises(sw.ArgumentError) as caught:
        ops.philox4x32(2**64 - 1, 2, 0)
    assert str(caught.value) == (
        "this key has given all of its 2**64 blocks of random bits\n  write  sw.Key with another seed"
    )


@pytest.mark.parametrize("dtype", [*DTYPES, sw.i64, sw.i32, sw.u8], ids=lambda d: d.name)
def test_draws_that_follow_each_other_are_one_stream(dtype):
    op, params = (ops.uniform, {}) if dtype.is_floating else (ops.randint, {"low": 0, "high": 100})
    whole = drawn(op, 16, dtype, **params)
    after = drawn(op, 8, dtype, counter=ops.random_blocks(8, dtype), **params)
    np.testing.assert_array_equal(whole[8:], after)
    assert whole.dtype == dtype.numpy


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 7, 1009])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("op", [ops.uniform, ops.normal], ids=lambda op: op.name)
def test_any_count_begins_the_same(op, count, dtype):
    longer = drawn(op, 1024, dtype, seed=9)
    np.testing.assert_array_equal(drawn(op, count, dtype, seed=9), longer[:count])


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_uniform_is_uniform_and_below_one(dtype):
    x = drawn(ops.uniform, 200_000, dtype).astype(np.float64)
    assert x.min() >= 0 and x.max() < 1
    # 5 standard errors, and what rounding down takes away on average.
    bias = {8: 0, 4: 0}.get(dtype.itemsize, 2.0**-9)
    assert abs(x.mean() - 0.5) < 5 * math.sqrt(1 / 12 / x.size) + bias
    counts = np.histogram(x, bins=16, range=(0, 1))[0]
    chi = ((counts - x.size / 16) ** 2 / (x.size / 16)).sum()
    assert chi < 45  # 15 degrees of freedom: one in 10,000


def test_uniform_rounds_the_same_numbers_down():
    wide = drawn(ops.uniform, 5000, sw.f32)
    for dtype in (sw.bf16, sw.f16):
        narrow = drawn(ops.uniform, 5000, dtype).astype(np.float32)
        assert (narrow <= wide).all()
        assert ((wide - narrow) <= wide * 2.0 ** (-7 if dtype is sw.bf16 else -10) + 2.0**-24).all()


def test_the_largest_uniform_is_below_one_in_every_type(monkeypatch):
    monkeypatch.setattr("shapewright.ops.random.philox4x32", lambda c, n, s: np.full((n, 4), 0xFFFFFFFF, np.uint32))
    for dtype in DTYPES:
        largest = drawn(ops.uniform, 3, dtype)
        assert (largest < 1).all() and largest.dtype == dtype.numpy
    assert np.isfinite(drawn(ops.normal, 4, sw.f32)).all()


def test_normal_stays_finite_at_the_smallest_bits(monkeypatch):
    monkeypatch.setattr("shapewright.ops.random.philox4x32", lambda c, n, s: np.zeros((n, 4), np.uint32))
    assert drawn(ops.normal, 2, sw.f32)[0] == pytest.approx(math.sqrt(64 * math.log(2)))
    assert drawn(ops.normal, 2, sw.f64)[0] == pytest.approx(math.sqrt(106 * math.log(2)))


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_normal_has_the_moments_of_the_normal_distribution(dtype):
    x = drawn(ops.normal, 200_000, dtype).astype(np.float64)
    error = 5 / math.sqrt(x.size)
    assert abs(x.mean()) < error
    assert abs((x**2).mean() - 1) < error * math.sqrt(2) + 2.0**-8
    assert abs((x**3).mean()) < error * math.sqrt(15)
    assert abs((x**4).mean() - 3) < error * math.sqrt(96) + 2.0**-5
    assert abs(np.mean(x[0::2] * x[1::2])) < error
    inside = np.mean(np.abs(x) < 1)
    assert abs(inside - math.erf(math.sqrt(0.5))) < error


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 2), (-3, 4), (0, 10), (5, 6), (0, 97)])
def test_integers_reach_all_of_their_range_evenly(low, high):
    x = drawn(ops.randint, 60_000, sw.i64, low=low, high=high)
    values, counts = np.unique(x, return_counts=True)
    assert values.tolist() == list(range(low, high))
    share = x.size / (high - low)
    chi = ((counts - share) ** 2 / share).sum()
    assert chi < (high - low) + 5 * math.sqrt(2 * (high - low)) + 5


@pytest.mark.parametrize(
    ("low", "high"), [(-(2**63), 2**63), (-(2**63), 2**63 - 1), (0, 2**63), (2**40, 2**40 + 3), (-5, 2**33), (0, 2**32)]
)
def test_wide_ranges_are_the_upper_half_of_the_product(low, high):
    bits = drawn(ops.random_bits, 500, sw.i64)
    x = drawn(ops.randint, 500, sw.i64, low=low, high=high)
    assert [int(v) for v in x] == [low + ((int(b) % 2**64) * (high - low) >> 64) for b in bits]


def test_different_seeds_and_splits_differ():
    a, b = drawn(ops.random_bits, 1000, sw.i64, seed=1), drawn(ops.random_bits, 1000, sw.i64, seed=2)
    assert not np.any(a == b)
    seeds = {ops.split_seed(1, position) for position in range(1000)}
    assert len(seeds) == 1000 and all(0 <= seed < 2**64 for seed in seeds)
    assert ops.split_seed(1, 0) != ops.split_seed(2, 0)
    # New seeds are not numbers that the old key draws.
    assert not seeds & {int(v) % 2**64 for v in a}


def test_an_empty_range_is_an_error():
    with pytest.raises(sw.ArgumentError) as caught:
        drawn(ops.randint, 1, sw.i64, low=3, high=3)
    assert str(caught.value) == "there is no integer from 3 to 3 - 1\n  write  low < high"


def test_first_numbers_stay_what_they_are():
    # A change here changes every seeded program: it needs an entry in the changelog.
    np.testing.assert_array_equal(
        drawn(ops.uniform, 4, sw.f32, seed=0) * 2**24,
        [0x6627E8D5 >> 8, 0xE169C58D >> 8, 0xBC57AC4C >> 8, 0x9B00DBD8 >> 8],
    )
    assert drawn(ops.randint, 2, sw.i64, seed=0, low=0, high=10).tolist() == [3, 7]
    np.testing.assert_allclose(drawn(ops.normal, 2, sw.f64, seed=0), [-0.12151798, -1.35003266], rtol=1e-7)
    np.testing.assert_allclose(drawn(ops.normal, 2, sw.f32, seed=0), [0.9911377, -0.9246626], rtol=1e-6)
