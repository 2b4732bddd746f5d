"""How well viewers predict each other: a check that gaze lies on the right frames at the right places."""

import numpy as np

from avsal.groundtruth.density import density


def normalised_scanpath_saliency(saliency, fixations):
    rows, columns = fixations.scaled(saliency.shape).rows_and_columns()
    return ((saliency - saliency.mean()) / saliency.std())[rows, columns].mean()


def halves_and_centre(recording, every=10):
    """NSS of half the viewers' density (sigma 32 px) on the other half, and of a centred Gaussian on all."""
    fixations = recording.load_fixations()
    height, width = fixations.size
    size = (72, round(72 * width / height))
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    centre = np.exp(-18 * ((y / size[0] - 0.5) ** 2 + (x / size[1] - 0.5) ** 2))
    halves, centred = [], []
    for frame in range(0, recording.num_frames, every):
        looked = fixations.at(frame)
        even, odd = looked.select(looked.observer % 2 == 0), looked.select(looked.observer % 2 == 1)
        if len(even) and len(odd):
            for one, other in ((even, odd), (odd, even)):
                halves.append(normalised_scanpath_saliency(density(one, size, 32 * size[0] / height), other))
            centred.append(normalised_scanpath_saliency(centre, looked))
    return np.mean(halves), np.mean(centred)
