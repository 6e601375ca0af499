import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from mammoqa.core.png import decode_png, encode_png

pictures = hnp.arrays(
    np.uint8, st.one_of(hnp.array_shapes(min_dims=2, max_dims=2), st.tuples(st.just(4), st.just(5), st.just(3)))
)


@given(pictures)
def test_pictures_come_back_and_other_programs_read_them(picture):
    data = encode_png(picture)
    np.testing.assert_array_equal(decode_png(data), picture)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), picture)


def test_damaged_and_foreign_pictures_are_told():
    data = encode_png(np.arange(20, dtype=np.uint8).reshape(4, 5))
    for wrong in (b"", data[:30], data[:50] + b"xx" + data[52:], b"GIF89a"):
        with pytest.raises(ValueError, match="stored picture"):
            decode_png(wrong)
