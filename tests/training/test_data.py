import time
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from mnist_cnn.errors import DataError
from mnist_cnn.inference import Reading
from mnist_cnn.training.data import Split, concatenate, describe_source, load_corrections, load_mnist
from mnist_cnn.training.synthetic import draw_digits
from mnist_cnn.web import batches
from mnist_cnn.web.feedback import Feedback
from tests.support.data_sets import write_data_set
from tests.support.files import encode


def test_every_image_and_label_comes_back_as_it_was_written(mnist_folder: Path) -> None:
    written, loaded = draw_digits(50, seed=2), load_mnist(str(mnist_folder)).test
    assert loaded.images.dtype == np.uint8
    np.testing.assert_array_equal(loaded.images, written.images)
    np.testing.assert_array_equal(loaded.labels, written.labels)


def test_validation_is_a_twelfth_of_the_training_split_with_each_label_in_its_share(mnist_folder: Path) -> None:
    mnist = load_mnist(str(mnist_folder))
    np.testing.assert_array_equal(np.bincount(mnist.val.labels), [3] * 10)
    np.testing.assert_array_equal(np.bincount(mnist.train.labels), [33] * 10)


def test_training_and_validation_share_no_image_and_lose_none(mnist_folder: Path) -> None:
    mnist = load_mnist(str(mnist_folder))
    kept = [image.tobytes() for image in (*mnist.train.images, *mnist.val.images)]
    assert sorted(kept) == sorted(image.tobytes() for image in draw_digits(360, seed=1).images)


def test_the_validation_part_is_the_same_each_time(mnist_folder: Path) -> None:
    first, second = load_mnist(str(mnist_folder)).val, load_mnist(str(mnist_folder)).val
    np.testing.assert_array_equal(first.images, second.images)


def test_a_data_set_that_does_not_exist_is_refused_in_one_sentence_that_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be loaded: .* pass a local folder .* with --dataset\.$"):
        load_mnist(str(tmp_path / "nowhere"))


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    write_data_set(tmp_path, train=draw_digits(20, seed=0))
    with pytest.raises(DataError, match="has no split test"):
        load_mnist(str(tmp_path))


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        datasets.Dataset.from_dict({"picture": [1], "digit": [2]}).to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(DataError, match=r"expected the columns image and label, got .*picture"):
        load_mnist(str(tmp_path))


@pytest.mark.parametrize("shape", [(27, 28), (28, 28, 3)])
def test_an_image_of_another_shape_is_named_by_its_row(tmp_path: Path, shape: tuple[int, ...]) -> None:
    wrong = Split(np.zeros((1, *shape, 1), np.uint8), np.zeros(1, np.int32))
    write_data_set(tmp_path, train=wrong, test=wrong)
    with pytest.raises(DataError, match=r"must be grey and 28x28, but row 0 is 28x2"):
        load_mnist(str(tmp_path))


def test_a_label_out_of_range_is_named_by_its_row(tmp_path: Path) -> None:
    rows = {"image": [np.zeros((28, 28), np.uint8)] * 2, "label": [9, 10]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    for split in ("train", "test"):
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(DataError, match=r"from 0 to 9, but row 1 has 10\."):
        load_mnist(str(tmp_path))


def test_corrections_that_the_page_saved_are_there_to_learn_from(tmp_path: Path) -> None:
    given = draw_digits(3, seed=5)
    feedback = Feedback(tmp_path)
    for image, label in zip(*given, strict=True):
        reading = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), image)
        feedback.save("visitor", encode(Image.fromarray(image[..., 0]), "PNG"), reading, int(label), "bundled", None)
    corrections = load_corrections(str(tmp_path))
    order = np.argsort(corrections.labels)
    np.testing.assert_array_equal(corrections.images[order], given.images)
    np.testing.assert_array_equal(corrections.labels[order], given.labels)


def correction(label: int, visitor: str) -> tuple[str, bytes, Reading, int, str, None]:
    """Return a visitor's word on a drawing that is always the same."""
    reading = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), draw_digits(1, seed=5).images[0])
    return visitor, encode(Image.new("L", (9, 9)), "PNG"), reading, label, "bundled", None


def test_latest_word_of_each_visitor_counts_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    feedback = Feedback(tmp_path / "feedback")
    for number, (label, visitor) in enumerate([(1, "one"), (2, "another"), (3, "one"), (4, "one")]):
        # In the order of the files' names, the latest comes first.
        feedback.save(*correction(label, visitor)).rename(tmp_path / "data" / f"{9 - number}.parquet")
        time.sleep(0.002)  # times are in milliseconds
    assert sorted(load_corrections(str(tmp_path / "data")).labels) == [2, 4]


def test_corrections_of_older_versions_count_once_beside_those_of_today(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    today = Feedback(tmp_path / "feedback").save(*correction(4, "one"))
    table = pa.parquet.read_table(today, memory_map=False)
    unnamed = pa.array([table["drawing"][0].as_py() | {"path": None}], table.schema.field("drawing").type)
    old = table.set_column(2, table.schema.field("drawing"), unnamed)
    old = old.set_column(1, table.schema.field("label"), pa.array([7]))
    for name, rows in {"a": old, "b": table, "c": old}.items():
        pa.parquet.write_table(rows, tmp_path / "data" / f"{name}.parquet")
    assert load_corrections(str(tmp_path / "data")).labels.tolist() == [4, 7]


def test_corrections_that_wait_in_a_batch_are_there_to_learn_from(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path)
    feedback.save(*correction(4, "one"))
    assert len(list(batches.take_batches(tmp_path))) == 1
    feedback.save(*correction(7, "another"))
    feedback.save(*correction(5, "one"))
    assert sorted(load_corrections(str(tmp_path)).labels) == [5, 7]


def test_corrections_that_are_not_there_are_refused_by_their_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="with --extra-data"):
        load_corrections(str(tmp_path / "nowhere"))


def test_an_image_that_is_damaged_is_named_by_its_row(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    rows = {"image": [{"bytes": b"no picture", "path": None}], "label": [1]}
    for split in ("train", "test"):
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(DataError, match="the image of row 0 can't be decoded"):
        load_mnist(str(tmp_path))


def test_splits_are_joined_in_order() -> None:
    first, second = draw_digits(3, seed=0), draw_digits(2, seed=1)
    joined = concatenate(first, second)
    assert joined.labels.tolist() == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(joined.images[3:], second.images)


def test_a_source_on_the_hub_is_described_by_its_id_and_a_folder_without_its_path(tmp_path: Path) -> None:
    assert describe_source("owner/digits", "MNIST") == "owner/digits"
    assert describe_source(str(tmp_path), "MNIST") == "MNIST in a folder of the Hub's layout"
