"""Imaging experiments with known answers: blurred frames behind masks (SPEC E5), coil maps (E6).

Frames of one image x behind masks M_l, blurred by an unknown kernel: y_l = k (*) (M_l x), in the
Fourier domain model "repeated" with gains F k. Coil images x_l times one anatomy D: model
"snapshots", whose gains the smooth maps leave undetermined. O(p m log m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._errors import argument_error, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._draws import complex_normal, noise_level
from .simulate import Simulation

__all__ = ["MaskedFrames", "phantom", "simulate_coil_maps", "simulate_masked_frames"]

# Modified Shepp-Logan phantom: contrast, half axes, centre, rotation in degrees.
_ELLIPSES = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)


@dataclass(frozen=True, eq=False)
class MaskedFrames:
    """Frames of one image behind masks, blurred.

    Attributes
    ----------
    frames : ndarray, shape (p, size, size)
        What a camera sees: blurred masked images with noise.
    Y : ndarray of complex, shape (p, size^2)
        Their unitary Fourier transforms: measurements for ``MaskedFourier(masks)`` in the model
        "repeated".
    masks : ndarray, shape (p, size, size)
        Signs.
    image : ndarray, shape (size, size)
    kernel : ndarray, shape (size, size)
        Of the circular convolution, centred at [0, 0].
    gains : ndarray of complex, shape (size^2,)
        Fourier transform of the kernel.
    noise_std : float
        Of a pixel of a frame.
    seed : int
    """

    frames: FloatArray
    Y: FloatArray
    masks: FloatArray
    image: FloatArray
    kernel: FloatArray
    gains: FloatArray
    noise_std: float
    seed: int


def phantom(size: int) -> FloatArray:
    """Draw the modified Shepp-Logan head phantom on a square grid.

    Parameters
    ----------
    size : int
        Pixels of a side.

    Returns
    -------
    ndarray, shape (size, size)
        In [0, 1].

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a size below 1.

    Examples
    --------
    >>> from rnla.calibration import phantom
    >>> picture = phantom(64)
    >>> picture.shape, float(picture.max())
    ((64, 64), 1.0)
    """
    size = check_size(size)
    place = (2.0 * np.arange(size) + 1.0 - size) / size
    x, y = place[None, :], -place[:, None]
    image = np.zeros((size, size))
    for contrast, a, b, x0, y0, degrees in _ELLIPSES:
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        along = (x - x0) * cosine + (y - y0) * sine
        across = (y - y0) * cosine - (x - x0) * sine
        image[(along / a) ** 2 + (across / b) ** 2 <= 1.0] += contrast
    return np.clip(image, 0.0, None)


def simulate_masked_frames(
    p: int, *, size: int = 128, snr: float | None = None, rng: RNGLike = None
) -> MaskedFrames:
    """Simulate frames of a phantom behind random signs, blurred by an unknown kernel.

    Parameters
    ----------
    p : int
        Frames.
    size : int
        Pixels of a side, at least 8.
    snr : float, optional
        Decibels, 10 log10(mean |frame|^2 / sigma^2), real noise on the frames; none by default.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    MaskedFrames

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable counts.

    Notes
    -----
    The image is the phantom plus 0.05. The kernel, 7 x 7, is a Gaussian of standard deviation 1
    times 1 + U/2, U uniform on [0, 1]: no symmetry, and gains over two orders of magnitude.

    Examples
    --------
    >>> from rnla.calibration import simulate_masked_frames
    >>> scene = simulate_masked_frames(3, size=32, rng=0)
    >>> scene.Y.shape, scene.masks.shape
    ((3, 1024), (3, 32, 32))
    """
    p, size = check_size(p, name="p"), check_size(size)
    if size < 8:
        raise argument_error("size", size, "at least 8", "The kernel has 7 x 7 pixels.")
    seed = resolve_seed(rng)
    image = phantom(size) + 0.05
    offset = np.arange(-3, 4)
    weights = np.exp(-0.5 * (offset[:, None] ** 2 + offset[None, :] ** 2))
    weights *= 1.0 + 0.5 * Stream(seed, "blur kernel").uniform(range(49)).reshape(7, 7)
    kernel = np.zeros((size, size))
    kernel[np.ix_(offset % size, offset % size)] = weights / weights.sum()
    gains = np.fft.fft2(kernel)
    masks = Stream(seed, "masks").signs(range(p * size * size)).reshape(p, size, size)
    clean = np.fft.ifft2(gains * np.fft.fft2(masks * image)).real
    sigma = noise_level(clean, snr)
    noise = Stream(seed, "frame noise").normal(range(p * size), size).reshape(clean.shape)
    frames = clean + sigma * noise
    Y = np.fft.fft2(frames, norm="ortho").reshape(p, -1)
    return MaskedFrames(frames, Y, masks, image, kernel, gains.reshape(-1), sigma, seed)


def simulate_coil_maps(
    *,
    size: int = 64,
    coils: int = 8,
    degree: int = 7,
    snr: float | None = None,
    rng: RNGLike = None,
) -> Simulation:
    """Simulate coil images of one anatomy: the documented failure of model "snapshots".

    Parameters
    ----------
    size : int
        Pixels of a side.
    coils : int
        Coil images.
    degree : int
        Total degree of the polynomials that describe the maps of the coils.
    snr : float, optional
        Decibels; no noise by default.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    Simulation
        Model "snapshots": gains are the pixels of the phantom plus 0.05, `operators` an orthonormal
        basis of the polynomials, shape (size^2, n).

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable counts.

    Notes
    -----
    The maps are Gaussians around coils on a circle of radius 1.5 outside the image, with a linear
    phase, projected to the polynomials. Counting says that the image can be found, and it cannot: a
    smooth q turns such maps into maps that are nearly polynomials again, and the image divided by q
    fits nearly as well. The gap is closed, and `calibrate` answers AMBIGUOUS.

    Examples
    --------
    >>> from rnla.calibration import simulate_coil_maps
    >>> simulate_coil_maps(size=16, rng=0).operators.shape
    (256, 36)
    """
    size, coils = check_size(size), check_size(coils, name="coils")
    degree = check_size(degree, name="degree")
    seed = resolve_seed(rng)
    place = (2.0 * np.arange(size) + 1.0 - size) / size
    powers = np.polynomial.legendre.legvander(place, degree)
    columns = [
        np.outer(powers[:, i], powers[:, j]).ravel()
        for i in range(degree + 1)
        for j in range(degree + 1 - i)
    ]
    n = len(columns)
    if n >= size * size:
        remedy = "Take a larger image or a lower degree."
        raise argument_error("degree", degree, f"fewer than {size * size} polynomials", remedy)
    A = np.linalg.qr(np.stack(columns, axis=1))[0].astype(np.complex128)
    d = (phantom(size).ravel() + 0.05).astype(np.complex128)
    x = _coil_maps(place, coils, seed) @ A.conj()
    clean = d * (x @ A.T)
    sigma = noise_level(clean, snr)
    noise = sigma * complex_normal(seed, "coil noise", coils, size * size)
    none = np.zeros(clean.shape, dtype=bool)
    return Simulation(clean + noise, A, d, x, noise, sigma, None, none, None, "snapshots", seed)


def _coil_maps(place: FloatArray, coils: int, seed: int) -> FloatArray:
    """Smooth complex sensitivities, shape (coils, pixels)."""
    x, y = place[None, :, None], place[:, None, None]
    angle = 2.0 * np.pi * np.arange(coils) / coils
    distance = (x - 1.5 * np.cos(angle)) ** 2 + (y - 1.5 * np.sin(angle)) ** 2
    tilt = Stream(seed, "coil phases").normal(range(coils), 3)
    phase = tilt[:, 0] * x + tilt[:, 1] * y + np.pi * tilt[:, 2]
    maps: FloatArray = np.exp(-0.5 * distance + 1j * phase)
    return maps.reshape(-1, coils).T
