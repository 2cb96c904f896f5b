from pathlib import Path

import pytest
from PIL import Image

from examples import image_bytes, make_pair
from selfjudge.benchmarks.preparing import blind_pairs
from selfjudge.ground.images import GREY, open_rgb


def write_image(folder: Path, name: str, **kind: object) -> str:
    """An image below a folder; its name."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(image_bytes(**kind))  # type: ignore[arg-type]
    return name


def test_a_blind_pair_shows_flat_grey_of_the_same_size(tmp_path: Path) -> None:
    """Each image in turn; nothing else of the pair changes, its id included."""
    seen, blind = tmp_path / "seen", tmp_path / "blind"
    images = (
        write_image(seen, "aa/a.png", size=(5, 3)),
        write_image(seen, "bb/b.jpeg", size=(7, 9), kind="JPEG", color=(9, 99, 200)),
    )
    pair = make_pair(images=images)
    (found,) = blind_pairs([pair], seen, blind)
    assert found != pair
    assert {**as_dict(found), "images": images} == as_dict(pair)
    pictures = [open_rgb(blind / name) for name in found.images]
    assert [picture.size for picture in pictures] == [(5, 3), (7, 9)]
    for picture in pictures:
        assert picture.getcolors() == [(picture.width * picture.height, GREY)]


def as_dict(pair: object) -> dict[str, object]:
    """The fields of a record."""
    return {name: getattr(pair, name) for name in pair.__struct_fields__}  # type: ignore[attr-defined]


def test_blind_images_tell_no_image_from_another(tmp_path: Path) -> None:
    """Images of one size become one file, whatever they showed."""
    seen, blind = tmp_path / "seen", tmp_path / "blind"
    pairs = [
        make_pair(n, images=(write_image(seen, f"{n}.png", color=(n, n, n)),))
        for n in range(4)
    ]
    found = list(blind_pairs(pairs, seen, blind))
    assert [pair.id for pair in found] == [pair.id for pair in pairs]
    assert len({pair.images for pair in found}) == 1
    assert len([path for path in blind.rglob("*") if path.is_file()]) == 1


def test_a_turned_photo_is_grey_upright(tmp_path: Path) -> None:
    """The size is the one that a model would see, not the stored one."""
    seen, blind = tmp_path / "seen", tmp_path / "blind"
    seen.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (8, 4)).save(seen / "a.jpeg", exif=exif)
    (found,) = blind_pairs([make_pair(images=("a.jpeg",))], seen, blind)
    assert open_rgb(blind / found.images[0]).size == (4, 8)


def test_a_missing_image_is_an_error(tmp_path: Path) -> None:
    """Pairs and images of two preparations do not go together."""
    with pytest.raises(OSError):
        list(blind_pairs([make_pair()], tmp_path, tmp_path / "blind"))
