"""The slice of a tomosynthesis stack that shows the objects of the ACR DM phantom best."""

from mammoqa.core import Image, Phantom, Pose, Stack


def best_slice(stack: Stack, phantom: Phantom) -> tuple[int, Pose]:
    """Index of the slice with the highest detectability of its larger objects, and where the phantom lies in it.

    The phantom is located once, in the mean of all slices, which keep its place. Raises LocateError.
    """
    from mammoqa import locate
    from mammoqa.score.acr_dm import PITCH_MM, SIDE_PX, sharpness

    pose = locate.locate_acr_dm(locate.mean_image(stack), phantom)
    coarse = 2 * PITCH_MM

    def value(image: Image) -> float:
        patches = locate.patches(image, phantom, pose, size_px=SIDE_PX // 2, pitch_mm=coarse)
        return sharpness(patches, phantom, coarse)

    values = [value(image) for image in stack.images]
    return max(range(len(values)), key=values.__getitem__), pose
