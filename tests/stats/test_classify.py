import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.stats import classify

# scikit-learn's classification_report documentation: y_true [0,1,2,2,2], y_pred [0,0,2,2,1]:
# precision 0.50 0.00 1.00, recall 1.00 0.00 0.67, F1 0.67 0.00 0.80, macro F1 0.49, accuracy 0.60
TRUTH, PREDICTED = np.array([0, 1, 2, 2, 2]), np.array([0, 0, 2, 2, 1])


def test_published_report():
    matrix = classify.confusion(TRUTH, PREDICTED, 3)
    assert matrix.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 2]]
    assert classify.accuracy(matrix) == pytest.approx(0.6)
    assert classify.precision(matrix) == pytest.approx([0.5, 0.0, 1.0])
    assert classify.recall(matrix) == pytest.approx([1.0, 0.0, 2 / 3])
    assert classify.f1(matrix) == pytest.approx([2 / 3, 0.0, 0.8])
    assert classify.macro_f1(matrix) == pytest.approx(0.49, abs=0.005)


def test_classes_that_never_occur_are_left_out_of_the_mean():
    matrix = np.array([[4, 0, 0], [0, 0, 0], [0, 0, 6]])
    assert np.isnan(classify.f1(matrix)[1])
    assert classify.macro_f1(matrix) == 1.0
    assert np.isnan(classify.accuracy(np.zeros((3, 3))))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=60))
def test_cluster_matrices_sum_to_the_whole_and_batches_equal_one_by_one(cases):
    truth, predicted, cluster = (np.array(column) for column in zip(*cases, strict=True))
    parts = classify.confusion_by_cluster(truth, predicted, cluster, 4, 3)
    assert (parts.sum(0) == classify.confusion(truth, predicted, 3)).all()
    for function in (classify.accuracy, classify.precision, classify.recall, classify.f1, classify.macro_f1):
        one_by_one = np.stack([function(p) for p in parts])
        assert np.allclose(function(parts), one_by_one, equal_nan=True)


def test_binary_and_bad_input():
    assert classify.binary_confusion(np.array([True, False]), np.array([True, True])).tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match="lies outside"):
        classify.confusion(np.array([3]), np.array([0]), 3)
