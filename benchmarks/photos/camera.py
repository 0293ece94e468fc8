"""Photographing a sheet: desk, perspective, light, shadow, blur, noise and JPEG."""

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.photos.sheet import to_picture

MAX_TILT, MAX_ROLL = 15, 5  # degrees: around the two axes of the sheet, and in its plane
ORIENTATION, UPSIDE_DOWN = 0x0112, 3  # EXIF: a tag and its value
DISTANCE = 1.8  # of the camera, in longer sides of the picture
# Smallest and largest brightness, and the ratio of each colour to it.
DESKS = {"dark": ((0.08, 0.2), (1, 1, 1)), "brown": ((0.2, 0.42), (1.3, 1, 0.7))}


def tilt(shape, rng):
    """Tilt the camera at random.

    Args:
        shape: Height and width of the picture, in pixels.
        rng: Source of randomness.
    Returns:
        Homography, shape (3, 3): from a point on the sheet to a point in the picture, both in pixels from the centre.
    """
    rotation = np.eye(3)
    for axis, limit in enumerate((MAX_TILT, MAX_TILT, MAX_ROLL)):
        angle = np.radians(rng.uniform(-limit, limit))
        around = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        around[[i, j, i, j], [i, j, j, i]] = np.cos(angle), np.cos(angle), -np.sin(angle), np.sin(angle)
        rotation = around @ rotation
    homography = np.eye(3)
    homography[:2, :2] = rotation[:2, :2]  # a point (x, y, 0) of the sheet is rotated
    homography[2, :2] = rotation[2, :2] / (DISTANCE * max(shape))  # and appears smaller if it is farther away
    return homography


def project(texture, origin, shape, homography):
    """Draw a sheet as the camera sees it.

    Args:
        texture: Picture of the sheet, of mode RGB or L.
        origin: x and y of the upper left corner of the sheet, in pixels from the centre.
        shape: Height and width of the result.
        homography: Return value of `tilt`.
    Returns:
        The picture, of the same mode; black outside of the sheet.
    """
    height, width = shape
    to_centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    to_texture = np.array([[1, 0, -origin[0]], [0, 1, -origin[1]], [0, 0, 1]])
    back = to_texture @ np.linalg.inv(homography) @ to_centre
    coefficients = (back / back[2, 2]).ravel()[:8].tolist()
    return texture.transform((width, height), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)


def desk(shape, kind, rng):
    """Make the picture of a desk, with a grain.

    Args:
        shape: Height and width.
        kind: A key of `DESKS`.
        rng: Source of randomness.
    Returns:
        Reflectance, shape (height, width, 3).
    """
    (low, high), tint = DESKS[kind]
    colour = rng.uniform(low, high) * np.array(tint)
    y = np.arange(shape[0])[:, None, None] / rng.uniform(4, 20)
    grain = 0.02 * np.sin(y + np.cumsum(rng.normal(0, 0.2, shape[1]))[:, None])
    return np.broadcast_to(colour + grain, (*shape, 3))


def light(shape, rng, unevenness=0.3):
    """Return the brightness of uneven light at each pixel, shape (height, width, 1): at most 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    gradient = (1 + np.cos(angle) * x + np.sin(angle) * y).clip(0) / 2
    falloff = (x * x + y * y) / 2
    strengths = rng.uniform(0, unevenness, 2)
    return (1 - strengths[0] * gradient - strengths[1] * falloff)[..., None]


def shadow(shape, rng):
    """Return the brightness in the soft shadow of a hand, shape (height, width, 1): the shadow covers one side."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    angle, place, softness = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6), rng.uniform(0.03, 0.12)
    inside = 1 / (1 + np.exp((np.cos(angle) * x + np.sin(angle) * y - place) / softness * 2))
    return (1 - rng.uniform(0.25, 0.55) * inside)[..., None]


def expose(scene, rng, blur, noise):
    """Take the photo.

    Args:
        scene: Light that arrives at the camera, shape (height, width, 3), in [0, 1].
        rng: Source of randomness.
        blur: Smallest and largest radius of the blur, in pixels.
        noise: Smallest and largest standard deviation of the noise, in grey levels of 255.
    Returns:
        The picture.
    """
    picture = to_picture(scene).filter(ImageFilter.GaussianBlur(rng.uniform(*blur)))
    noisy = np.asarray(picture) + rng.normal(0, rng.uniform(*noise), (*scene.shape[:2], 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
