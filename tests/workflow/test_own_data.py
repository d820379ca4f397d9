"""Sets from outside: missing ones stop a run before it is planned, changed ones are noticed."""

import os
import shutil

import pytest
import yaml

OWN = "config/own.yaml"
TABLE = ("--configfile", OWN, "--", "results/own/table6.csv")
VOC = "data/VOCdevkit/VOC2007"


def configuration(tree):
    return yaml.safe_load((tree.path / OWN).read_text())


def configure(tree, settings):
    (tree.path / OWN).write_text(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def own_built(checkout, tmp_path_factory):
    """A checkout whose sets lie outside of the artifacts, after Table 6 has been made of them."""
    path = tmp_path_factory.mktemp("own") / "repository"
    shutil.copytree(checkout.path, path, ignore=shutil.ignore_patterns("artifacts", ".snakemake"))
    tree = type(checkout)(path)
    tree.run("snakemake", "--cores", "2", "--", "artifacts/mini/scenes/VOCdevkit.json")
    for layout in ("ImageFolder", "caltech101"):
        tree.run("snakemake", "--cores", "2", "--", f"artifacts/mini/scenes/{layout}.json")
    (path / "artifacts/mini/scenes").rename(path / "data")
    settings = yaml.safe_load((path / "config/mini.yaml").read_text())
    del settings["scenes"]
    settings["paths"] = {"artifacts": "artifacts/own", "results": "results/own", "logs": "logs"}
    settings["data"] |= {"voc": VOC, "image_folder": "data/ImageFolder"}
    settings["transfer"]["table7"]["root"] = "data/caltech101"
    configure(tree, settings)
    tree.run("snakemake", "--cores", "2", *TABLE)
    return tree


@pytest.fixture
def own(own_built, tmp_path):
    path = tmp_path / "repository"
    shutil.copytree(own_built.path, path, symlinks=True)
    yield type(own_built)(path)
    shutil.rmtree(path)


def refused(tree, *arguments):
    """The last line of a run that must stop before it plans."""
    done = tree.run("snakemake", "--cores", "2", *(arguments or TABLE), check=False)
    assert done.returncode == 2 and "Job stats" not in done.stdout
    return done.stderr.splitlines()[-1]


def test_nothing_has_changed(own):
    assert own.plan(*TABLE) == {}


def replace_keeping_times(path, data):
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_annotation(root):
    path = root / VOC / "Annotations/000001.xml"
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1"))


def replace_picture(root):
    """By an older one, whose time of change comes with it."""
    pictures = root / VOC / "JPEGImages"
    shutil.copy2(pictures / "000002.jpg", pictures / "000001.jpg")


def edit_picture_and_hide_it(root):
    path = root / VOC / "JPEGImages/000001.jpg"
    replace_keeping_times(path, path.read_bytes() + b" ")


def delete_picture(root):
    (root / VOC / "JPEGImages/000001.jpg").unlink()


def add_picture(root):
    for folder, suffix in (("JPEGImages", "jpg"), ("Annotations", "xml")):
        shutil.copy(root / VOC / folder / f"000001.{suffix}", root / VOC / folder / f"9.{suffix}")
    with (root / VOC / "ImageSets/Main/trainval.txt").open("a") as file:
        file.write("9\n")


CHANGES = [edit_annotation, replace_picture, edit_picture_and_hide_it, delete_picture, add_picture]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_rebuilds_what_has_seen_its_set_and_pretrains_nothing(own, change):
    change(own.path)
    plan = own.plan(*TABLE)
    assert {"prepare_voc": 1, "tabulate_transfer": 1}.items() <= plan.items()
    assert not {"prepare_image_folder", "pretrain"} & set(plan)


def test_a_picture_to_pretrain_on_rebuilds_the_networks(own):
    shutil.copy(
        next((own.path / "data/ImageFolder/train/disc_circles").iterdir()), own.path / "new.jpg"
    )
    (own.path / "new.jpg").rename(own.path / "data/ImageFolder/train/disc_circles/new.jpg")
    plan = own.plan(*TABLE)
    assert {"prepare_image_folder": 1, "pretrain": 1}.items() <= plan.items()
    assert "prepare_voc" not in plan


def test_pictures_that_no_list_names_and_new_times_change_nothing(own):
    pictures = own.path / VOC / "JPEGImages"
    shutil.copy(pictures / "000001.jpg", pictures / "unlisted.jpg")
    for path in pictures.iterdir():
        path.touch()
    assert own.plan(*TABLE) == {}


def test_a_mistyped_list_is_named_after_a_finished_run_too(own):
    settings = configuration(own)
    settings["data"]["trainval"] = "trian"
    configure(own, settings)
    line = refused(own)
    assert "data.voc" in line and "trian.txt: no such list; there are:" in line


def test_a_moved_set_stops_a_run_with_another_setting(own):
    (own.path / "data").rename(own.path / "moved")
    settings = configuration(own)
    settings["transfer"]["cost"] = 2
    configure(own, settings)
    assert "data.voc: data/VOCdevkit/VOC2007/Annotations: no such folder" in refused(own)


def test_a_table_that_does_not_read_a_set_is_made_without_it(own):
    shutil.rmtree(own.path / "data/caltech101")
    assert own.plan(*TABLE) == {}
    line = refused(own, "--configfile", OWN, "--", "results/own/table7.csv")
    assert "transfer.table7.root" in line and "docs/data.md" in line


def test_a_missing_file_of_weights_is_named_with_its_setting(own):
    settings = configuration(own)
    settings["networks"]["small"]["imported_backbone"] = {
        "source": "data/weights.npz",
        "freeze": True,
    }
    configure(own, settings)
    line = refused(own, "--configfile", OWN, "--", "results/own/table9.csv")
    assert "networks.small.imported_backbone.source: data/weights.npz: no such file" in line


def test_committed_tables_of_others_are_no_run_of_ones_own(checkout, tmp_path):
    """A fresh clone without data, with tables in it: not up to date, and not silently so."""
    path = tmp_path / "repository"
    shutil.copytree(checkout.path, path)
    tree = type(checkout)(path)
    table = path / "results/voc07/table9.csv"
    table.parent.mkdir(parents=True)
    table.write_text("33.8\n")
    line = refused(tree, "--configfile", "config/voc07.yaml", "--", "results/voc07/table9.csv")
    assert "data.voc" in line and "docs/data.md" in line
