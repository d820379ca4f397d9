"""Fine-tuning and the stages after it, from files to files, for both methods."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sppnet import cli
from sppnet.commands import detect
from sppnet.commands.measure_speed import open_detector
from sppnet.data.manifest import ImageRecord, read_manifest, write_manifest
from sppnet.data.store import file_sha256
from sppnet.data.subset import subset
from sppnet.detect import mining
from sppnet.detect.features import cache_maps
from sppnet.detect.proposals import read_proposals, write_proposals
from sppnet.detect.rcnn import cache_region_features
from sppnet.detect.regions import ImageRegions, load_regions
from sppnet.detect.requests import TimedColumn, TimedColumns
from sppnet.detect.settings import MapPooling, Warp
from sppnet.detect.svm import load_svms, save_svms
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import intersection_over_union
from sppnet.models.network import Architecture, build_network, replace_classifier
from sppnet.models.weights import load_network, network_sha, save_network

CLASSES = {"green": (0, 200, 60), "red": (230, 40, 0)}
SIZES = (192, 256)
SVM = """--cost 0.1 --bias 10 --positive-weight 2 --tolerance 0.01 --negative-iou 0.3
    --duplicates overlap --duplicate-iou 0.7 --hard-threshold -1.0001 --evict-threshold -1.2
    --retrain-after 5 --target-norm 20 --stats-images 4 --stats-boxes 9 --seed 3"""
BBOX = """--overlap 0.5 --regularisation 100 --whitening 0.001 --maximum-pairs 1000
    --target-norm 20 --stats-images 4 --stats-boxes 9 --seed 3"""
FINETUNE = """--learning-rate 0.01 --momentum 0.9 --weight-decay 0.0005 --warmup 0
    --classifier-std 0.01 --dropout 0.5 --batch 4 --positive-fraction 0.25 --positive-iou 0.5
    --images-per-chunk 4 --windows-per-image 8 --holdout 0.2 --holdout-windows 16 --seed 3"""
DETECTION = "--minimum-score -1.5 --nms 0.3 --top 100"
POOLING = "--scales 192 256 --target 80 --shrink 6.5"
TIMING = "--images 2 --repeats 1 --batch 2 4"


def picture(path: Path, seed: int) -> np.ndarray:
    """A grey image with one green and one red square; their boxes."""
    random = np.random.default_rng(seed)
    pixels = random.integers(90, 130, (96, 128, 3), dtype=np.uint8)
    boxes = []
    for side, colour in enumerate(CLASSES.values()):
        x, y = 64 * side + random.integers(0, 30), random.integers(0, 60)
        pixels[y : y + 32, x : x + 32] = colour
        boxes.append([x, y, x + 32, y + 32])
    Image.fromarray(pixels).save(path)
    return np.array(boxes, np.float32)


def proposals(boxes: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    near = np.repeat(boxes, 4, axis=0) + random.integers(-4, 5, (8, 4))
    corners = random.integers(0, [92, 60], (20, 2))
    far = np.concatenate([corners, corners + random.integers(16, 36, (20, 2))], axis=1)
    limits = [128, 96, 128, 96]
    return np.minimum(np.concatenate([near, far]).clip(0), limits).astype(np.float32)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files that the stages after fine-tuning read."""
    folder = tmp_path_factory.mktemp("stage")
    records, found = [], {"trainval": {}, "test": {}}
    for number in range(14):
        split = "trainval" if number < 9 else "test"
        path = folder / f"{number}.png"
        boxes = picture(path, number)
        place = (str(number), str(path), 128, 96, file_sha256(path))
        objects = (tuple(CLASSES), boxes, np.zeros(2, bool))
        records.append(ImageRecord("detection", split, *place, None, *objects))
        found[split][str(number)] = proposals(boxes, number)
    write_manifest(folder / "manifest.parquet", records)
    architecture = Architecture(
        backbone="zf5",
        width=0.125,
        levels=(3, 1),
        fc=32,
        classes=("x", "y"),
        mean=(110.0, 110.0, 110.0),
        std=60.0,
        channel_order="RGB",
    )
    generator = torch.Generator().manual_seed(0)
    network = build_network(architecture, initialisation="he", generator=generator).eval()
    save_network(folder / "network.safetensors", network)
    changed = replace_classifier(
        network, tuple(CLASSES), background=True, generator=generator, std=0.01
    )
    with torch.no_grad():
        changed.fc6.weight.mul_(0.5)
    save_network(folder / "finetuned.safetensors", changed)
    for split, boxes_by_image in found.items():
        write_proposals(folder / f"{split}.parquet", boxes_by_image, {})
        some = read_manifest(folder / "manifest.parquet", "detection", split)
        for size in SIZES:
            path, restart = folder / f"{split}{size}.npy", folder / "restart"
            restart.mkdir()
            cache_maps(
                some,
                network,
                size=size,
                weights=folder / "network.safetensors",
                path=path,
                restart=restart,
            )
        regions = load_regions(some, folder / f"{split}.parquet", tuple(CLASSES))
        for name, each in (("network", network), ("finetuned", changed)):
            (folder / "restart").mkdir(exist_ok=True)
            cache_region_features(
                regions,
                each,
                warp=Warp(crop=67, context=4),
                batch=4,
                weights=folder / f"{name}.safetensors",
                path=folder / f"{split}.{name}.npy",
                restart=folder / "restart",
            )
    return folder


def flags(folder: Path, method: str, split: str) -> list[str]:
    given = {
        "manifest": "manifest.parquet",
        "proposals": f"{split}.parquet",
        "weights": "network.safetensors",
        "finetuned": "finetuned.safetensors",
    }
    words = [w for name, file in given.items() for w in (f"--{name}", str(folder / file))]
    words += ["--work", str(folder / "work"), "--features"]
    if method == "rcnn":
        return [*words, *(str(folder / f"{split}.{name}.npy") for name in ("network", "finetuned"))]
    return [*words, *(str(folder / f"{split}{size}.npy") for size in SIZES), *POOLING.split()]


def run(*words: object) -> None:
    cli.run([str(word) for word in words])


def train(folder: Path, method: str) -> Path:
    """The outputs of training, made once."""
    output = folder / method
    if not output.exists():
        shared = flags(folder, method, "trainval")
        svm, report = output / "svm.safetensors", output / "svm.json"
        run("train-svm", *shared, *SVM.split(), "--output", svm, "--report", report)
        run("train-bbox", *shared, *BBOX.split(), "--output", output / "bbox.safetensors")
    return output


def finetuning(folder: Path, method: str, work: Path) -> list[str]:
    """A fine-tuning, without its proposals and length."""
    if method == "spp":
        words = f"finetune {POOLING} --negative-low 0.1 --negative-high 0.5 --scale-choice best"
        maps = ["--features", *(str(folder / f"trainval{size}.npy") for size in SIZES)]
    else:
        words, maps = "finetune-rcnn --crop 67 --context 4 --mirror", []
    files = {"manifest": folder / "manifest.parquet", "weights": folder / "network.safetensors"}
    files["work"] = work / "work"
    given = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    return [*words.split(), *maps, *given, *FINETUNE.split()]


@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_fine_tuning_on_few_images_needs_no_boxes_of_others(
    stage: Path, tmp_path: Path, method: str
) -> None:
    trainval = read_manifest(stage / "manifest.parquet", "detection", "trainval")
    boxes = read_proposals(stage / "trainval.parquet")
    few = {record.image: boxes[record.image] for record in subset(trainval, 4)}
    write_proposals(tmp_path / "few.parquet", few, {})
    words = [*finetuning(stage, method, tmp_path), "--proposals", str(tmp_path / "few.parquet")]
    words += ["--iterations", "8", "--milestones", "8"]
    words += ["--output", str(tmp_path / "net"), "--history", str(tmp_path / "history.csv")]
    with pytest.raises(SppnetError, match="no proposals for image"):
        run(*words)
    run(*words, "--images", "4")


@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_milestones_of_fine_tuning_are_iterations_and_not_chunks(
    stage: Path, tmp_path: Path, method: str
) -> None:
    """A chunk has 4 * 8 / 4 = 8 iterations: 20 of them are 3 chunks, and 9 end in the second."""
    words = [*finetuning(stage, method, tmp_path), "--proposals", str(stage / "trainval.parquet")]
    words += ["--iterations", "20", "--milestones", "9"]
    run(*words, "--output", tmp_path / "net", "--history", tmp_path / "history.csv")
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["lr"].tolist() == pytest.approx([0.01, 0.01, 0.001])


def best_detection(found: pd.DataFrame, image: str, name: str) -> np.ndarray:
    """Box and regressed box of the best score on fc7."""
    rows = found[(found["layer"] == "ftfc7") & (found["image"] == image)]
    rows = rows[rows["class_name"] == name].sort_values("score")
    return rows[["x1", "y1", "x2", "y2", "rx1", "ry1", "rx2", "ry2"]].to_numpy()[-1]


def overlap(found: np.ndarray, box: np.ndarray) -> float:
    boxes = torch.from_numpy(np.array([found, box], np.float32))
    return float(intersection_over_union(boxes, boxes)[0, 1])


@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_objects_of_the_test_images_are_found(stage: Path, method: str) -> None:
    output = train(stage, method)
    models = ["--svm", output / "svm.safetensors", "--bbox", output / "bbox.safetensors"]
    shared = flags(stage, method, "test")
    run("detect", *shared, *models, *DETECTION.split(), "--output", output / "detections.parquet")
    found = pd.read_parquet(output / "detections.parquet")
    assert set(found["layer"]) == {"pool5", "fc6", "ftfc6", "ftfc7"}
    assert set(found["class_name"]) == set(CLASSES)
    overlaps = []
    for record in read_manifest(stage / "manifest.parquet", "detection", "test"):
        for name, box in zip(record.class_names, record.boxes, strict=True):
            best = best_detection(found, record.image, name)
            overlaps.append([overlap(best[:4], box), overlap(best[4:], box)])
    assert (np.array(overlaps)[:, 0] > 0.5).all()
    # the regressed boxes fit better
    before, after = np.mean(overlaps, axis=0)
    assert after > before
    assert not (stage / "work").exists() or not list((stage / "work").iterdir())


@pytest.mark.parametrize("silent", [["fc6"], ["ftfc7"], ["pool5", "fc6", "ftfc6", "ftfc7"]])
def test_layers_that_find_nothing_are_evaluated_and_drawn(
    stage: Path, tmp_path: Path, silent: list[str]
) -> None:
    output = train(stage, "spp")
    svms, classes = load_svms(output / "svm.safetensors", "cpu")
    for layer in silent:
        svms[layer].bias.fill_(-1e6)
    save_svms(tmp_path / "svm.safetensors", svms, classes)
    models = ["--svm", tmp_path / "svm.safetensors", "--bbox", output / "bbox.safetensors"]
    found, results = tmp_path / "detections.parquet", tmp_path / "evaluation.json"
    run("detect", *flags(stage, "spp", "test"), *models, *DETECTION.split(), "--output", found)
    given = ["--manifest", stage / "manifest.parquet", "--detections", found, "--nms", 0.3]
    more = ["--iou", "0.5", "--bootstrap", "20", "--seed", "1"]
    run("evaluate", *given, *more, "--output", results)
    for row, measured in json.loads(results.read_text())["rows"].items():
        assert (measured["map"] == 0) == (row.removesuffix(" bb") in silent)
    page = ["--images", 4, "--minimum-score", 0, "--output", tmp_path / "page.png"]
    run("draw-detections", *given, *page)
    assert (tmp_path / "page.png").exists()


@pytest.mark.parametrize("command", ["train-svm", "train-bbox", "detect"])
@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_a_cache_that_was_damaged_is_named_with_the_image(
    stage: Path, tmp_path: Path, method: str, command: str
) -> None:
    output, split = train(stage, method), "test" if command == "detect" else "trainval"
    damaged, image = tmp_path / "damaged.npy", "12" if command == "detect" else "7"
    whole = stage / (f"{split}.finetuned.npy" if method == "rcnn" else f"{split}256.npy")
    for suffix in (".npy", ".parquet"):
        shutil.copy(whole.with_suffix(suffix), damaged.with_suffix(suffix))
    place = pd.read_parquet(damaged.with_suffix(".parquet")).set_index("key").loc[image]
    rows = np.load(damaged, mmap_mode="r+")
    # a corner of the map, or a box: the first is an object and trained on, the last a proposal
    rows[place["first_row"], 3] = np.nan
    rows[place["first_row"] + np.prod(place["shape"][:-1]) - 1, 3] = np.inf
    rows.flush()
    models = ["--svm", output / "svm.safetensors", "--bbox", output / "bbox.safetensors"]
    more = {
        "train-svm": [*SVM.split(), "--report", tmp_path / "report"],
        "train-bbox": BBOX.split(),
        "detect": [*DETECTION.split(), *models],
    }
    words = [str(damaged) if w == str(whole) else w for w in flags(stage, method, split)]
    named = f"{damaged}: damaged, NaN or infinity at image {image}; delete it and cache"
    with pytest.raises(SppnetError, match=re.escape(named)):
        run(command, *words, *more[command], "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    shutil.rmtree(stage / "work")


@pytest.mark.parametrize("command", ["maps", "region-features", "image-features"])
def test_a_network_that_gives_no_numbers_is_named_when_features_are_cached(
    stage: Path, tmp_path: Path, command: str
) -> None:
    network = load_network(stage / "network.safetensors", "cpu")
    with torch.no_grad():
        network.backbone[0].weight.mul_(1e38)
    weights, features = tmp_path / "broken.safetensors", tmp_path / "maps.npy"
    save_network(weights, network)
    more = {
        "maps": ["--size", 192],
        "region-features": ["--crop", 67, "--context", 4, "--proposals", stage / "test.parquet"],
        "image-features": ["--size", "192", "--input", "full", "--dataset", "detection"],
    }
    words = [f"cache-{command}", "--manifest", stage / "manifest.parquet", "--split", "test"]
    words += ["--weights", weights, "--work", tmp_path / "work", "--output", features]
    key = "pool/9" if command == "image-features" else "9"
    named = f"{features}: {weights} gives NaN or infinity for image {key}; start again"
    with pytest.raises(SppnetError, match=re.escape(named)):
        run(*words, *more[command])
    assert not features.exists()


@pytest.mark.parametrize("command", ["maps", "region-features", "image-features"])
def test_features_in_bfloat16_are_near(
    stage: Path, tmp_path: Path, command: str, in_bfloat16: list[object]
) -> None:
    more = {
        "maps": ["--size", 192],
        "region-features": ["--crop", 67, "--context", 4, "--proposals", stage / "test.parquet"],
        "image-features": ["--size", "192", "--input", "full", "--dataset", "detection"],
    }
    words = [f"cache-{command}", "--manifest", stage / "manifest.parquet", "--split", "test"]
    words += ["--weights", stage / "network.safetensors", "--work", tmp_path / "work"]
    found = {}
    for number, precision in enumerate(("full", "bfloat16")):
        path = tmp_path / f"{precision}.npy"
        run(*words, *more[command], "--precision", precision, "--output", path)
        found[precision] = np.load(path).astype(np.float64)
        assert len(in_bfloat16) == number
    error = np.linalg.norm(found["bfloat16"] - found["full"]) / np.linalg.norm(found["full"])
    assert 1e-3 < error < 0.02


def test_svms_and_detections_in_bfloat16_are_near(
    stage: Path, tmp_path: Path, in_bfloat16: list[object]
) -> None:
    output, reduced = train(stage, "spp"), ["--precision", "bfloat16"]
    files = ["--output", tmp_path / "svm.safetensors", "--report", tmp_path / "svm.json"]
    run("train-svm", *flags(stage, "spp", "trainval"), *SVM.split(), *reduced, *files)
    assert len(in_bfloat16) == 2
    models = ["--svm", tmp_path / "svm.safetensors", "--bbox", output / "bbox.safetensors"]
    words = ["detect", *flags(stage, "spp", "test"), *models, *DETECTION.split()]
    found = {}
    for precision in ("full", "bfloat16"):
        path = tmp_path / f"{precision}.parquet"
        run(*words, "--precision", precision, "--output", path)
        found[precision] = pd.read_parquet(path).groupby("layer")["score"].max()
    assert len(in_bfloat16) == 4
    # pooled features are read as they were stored
    assert found["full"]["pool5"] == found["bfloat16"]["pool5"]
    for layer in ("fc6", "ftfc6", "ftfc7"):
        assert 0 < abs(found["full"][layer] - found["bfloat16"][layer]) < 0.05


def test_the_report_counts_samples(stage: Path) -> None:
    report = json.loads((train(stage, "spp") / "svm.json").read_text())
    assert list(report) == ["fc6", "ftfc6", "ftfc7", "pool5"]
    for layer in report.values():
        for counts in layer.values():
            assert counts["positives"] == 9 and counts["trainings"] >= 1


def test_an_interrupted_training_ends_with_the_same_bytes(
    stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (train(stage, "spp") / "svm.safetensors").read_bytes()
    monkeypatch.setattr(mining, "IMAGES_PER_CHECKPOINT", 2)
    original = mining.negative_candidates

    def killed(regions: object, *rest: object) -> torch.Tensor:
        if getattr(regions, "image", "") == "5":
            raise KeyboardInterrupt
        return original(regions, *rest)  # type: ignore[arg-type]

    words = ["train-svm", *flags(stage, "spp", "trainval"), *SVM.split()]
    words += ["--output", str(tmp_path / "svm"), "--report", str(tmp_path / "report")]
    monkeypatch.setattr(mining, "negative_candidates", killed)
    with pytest.raises(SystemExit):
        run(*words)
    assert list((stage / "work").glob("*/images-00000004"))
    monkeypatch.setattr(mining, "negative_candidates", original)
    run(*words)
    assert (tmp_path / "svm").read_bytes() == whole


def test_an_interrupted_detection_ends_with_the_same_bytes(
    stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = train(stage, "spp")
    models = ["--svm", output / "svm.safetensors", "--bbox", output / "bbox.safetensors"]
    words = ["detect", *flags(stage, "spp", "test"), *models, *DETECTION.split(), "--output"]
    run(*words, tmp_path / "whole.parquet")
    original, seen = detect.detect_image, []

    def killed(regions: ImageRegions, *rest: object) -> pd.DataFrame:
        seen.append(regions.image)
        if seen == ["9", "10", "11"]:
            raise KeyboardInterrupt
        return original(regions, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(detect, "IMAGES_PER_PART", 2)
    monkeypatch.setattr(detect, "detect_image", killed)
    given = (*words, tmp_path / "again.parquet")
    with pytest.raises(SystemExit):
        run(*given)
    run(*given)
    assert seen == ["9", "10", "11", "11", "12", "13"]
    first, second = ((tmp_path / f"{name}.parquet").read_bytes() for name in ("whole", "again"))
    assert first == second


def test_layers_differ_where_networks_do(stage: Path) -> None:
    svms, classes = load_svms(train(stage, "rcnn") / "svm.safetensors", "cpu")
    assert classes == tuple(CLASSES)
    assert svms["pool5"].weight.shape == (2, 320) and svms["ftfc7"].weight.shape == (2, 32)
    # fine-tuning halved fc6's weights, so its features need about twice the factor
    assert 1.5 < svms["ftfc6"].scale / svms["fc6"].scale < 2.5


def test_both_methods_are_timed(stage: Path, tmp_path: Path, in_bfloat16: list[object]) -> None:
    finetuned, untuned = (
        network_sha(load_network(stage / f"{name}.safetensors", "cpu"))
        for name in ("finetuned", "network")
    )
    columns = [
        TimedColumn(
            name=method,
            weights=stage / "network.safetensors",
            finetuned=stage / "finetuned.safetensors",
            svm=train(stage, method) / "svm.safetensors",
            **boxes,
        )
        for method, boxes in (
            ("spp", {"pooling": MapPooling(scales=SIZES, target=80, shrink=6.5)}),
            ("rcnn", {"warp": Warp(crop=67, context=4)}),
        )
    ]
    request = tmp_path / "columns.json"
    request.write_text(TimedColumns(columns=columns).model_dump_json())
    given = ["--manifest", stage / "manifest.parquet", "--proposals", stage / "test.parquet"]
    given += ["--columns", request, *TIMING.split()]
    run("measure-speed", *given, "--output", tmp_path / "timing.json")
    timing = json.loads((tmp_path / "timing.json").read_text())
    assert timing["precision"] == "full" and not in_bfloat16
    assert timing["images"] == 2 and timing["proposals"] == 28 and timing["threads"] == 1
    assert set(timing["columns"]) == {"spp", "rcnn"}
    for column in columns:
        sample = (np.zeros((96, 128, 3), np.uint8), torch.tensor([[0.0, 0, 60, 60]]))
        detector, _ = open_detector(column, sample, [1], torch.device("cpu"))
        svms, _ = load_svms(column.svm, "cpu")
        assert torch.equal(detector.svms.weight, svms["ftfc7"].weight)
        assert network_sha(detector.network) == finetuned
        pooling = detector.pooling.network
        assert network_sha(pooling) == (untuned if column.name == "spp" else finetuned)
    assert timing["columns"]["rcnn"]["batch"] in (2, 4)
    for times in timing["columns"].values():
        for part in ("conv", "fc", "total"):
            each = times[part]["each"]
            assert len(each) == 2 and 0 < min(each) <= times[part]["median"] <= max(each)
    given += ["--precision", "bfloat16", "--output", tmp_path / "reduced.json"]
    run("measure-speed", *given)
    assert json.loads((tmp_path / "reduced.json").read_text())["precision"] == "bfloat16"
    assert len(in_bfloat16) == 3  # SPP-net's pretrained one, and the fine-tuned one of both


COLUMN = '{"name": "a", "weights": "w", "finetuned": "f", "svm": "s"'
WARP = '"warp": {"crop": 67, "context": 4}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"columns\.json: invalid json"),
        ("{}", r"columns\.json: columns: missing; correct it"),
        ('{"columns": []}', "columns: tuple should have at least 1 item"),
        ("[]", r"columns\.json: input should be an object"),
        ('{"columns": [{"name": "a"}]}', r"columns\.0\.weights: missing"),
        (
            f'{{"columns": [{COLUMN}}}]}}',
            r"columns\.0: give pooling for SPP-net, or warp for R-CNN",
        ),
        (
            f'{{"columns": [{COLUMN}, "warp": {{"crop": 67}}}}]}}',
            r"columns\.0\.warp\.context: missing",
        ),
        (
            f'{{"columns": [{COLUMN}, {WARP}}}, {COLUMN}, {WARP}}}]}}',
            "a, a: give each detector once",
        ),
    ],
)
def test_wrong_columns_are_refused(stage: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "columns.json").write_text(text)
    given = ["--manifest", stage / "manifest.parquet", "--proposals", stage / "test.parquet"]
    given += ["--columns", tmp_path / "columns.json", *TIMING.split()]
    with pytest.raises(SppnetError, match=message):
        run("measure-speed", *given, "--output", tmp_path / "timing.json")


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("spp", lambda words: words[: words.index("--scales")], "gives 32 values per box"),
        ("rcnn", lambda words: words[:-1], "1 files without --scales; R-CNN takes"),
        ("rcnn", lambda words: [*words, words[-1]], "3 files without --scales; R-CNN takes"),
        ("rcnn", lambda words: [*words, *POOLING.split()], "gives 3200 values per box"),
    ],
)
def test_features_of_the_other_method_are_refused(
    stage: Path,
    tmp_path: Path,
    method: str,
    change: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    words = ["train-bbox", *change(flags(stage, method, "trainval")), *BBOX.split()]
    with pytest.raises(SppnetError, match=message):
        run(*words, "--output", tmp_path / "bbox")
