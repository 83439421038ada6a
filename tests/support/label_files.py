"""Label files that tests write, as the data sets are published."""

from recipe.config import PictureSet

AVA_LINE = "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396"  # of the published file, as the code that reads it quotes it
RATERS = 'worker, imagePair, score\nA1, a.jpg, 5\nA2, "b.jpg", 1\n A1, b.jpg, 2 \nA3, b.jpg, 4\n'


def spec_of(folder, content, name="labels.csv", **fields):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {"name": "s", "task": "iqa", "labels": path, "images": folder / "images", "scale": (1, 5)}
    return PictureSet(**{**given, **fields})


def write_pipal(folder, **files):
    (folder / "Train_Label").mkdir()
    for name, text in files.items():
        (folder / "Train_Label" / f"{name}.txt").write_text(text)
    for number, name in ((1, "A0001_00_00.bmp"), (4, "A0007_00_00.bmp")):
        (folder / f"Distortion_{number}").mkdir()
        (folder / f"Distortion_{number}" / name).write_text("")
    given = {"labels": folder / "Train_Label", "images": folder, "layout": "pipal", "scale": (916.7136, 1835.9856)}
    return PictureSet(name="PIPAL", task="iqa", **given)
