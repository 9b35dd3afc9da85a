"""Trying the face match: bounds that are exact, scores whose answer is known, real pictures."""

from __future__ import annotations

import functools
import json
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from gateway.cli.face import evaluate as facetrial
from gateway.cli.main import app
from gateway.face.accuracy import evaluate, plot
from gateway.face.accuracy.evaluate import BadData, EvaluatedPicture, Plan
from gateway.face.accuracy.statistics import Rate, Trials, clopper_pearson, smallest_shown
from gateway.face.vision.quality import Refusal
from gateway.face.vision.score import LENGTH, RECOMMENDED, score

runner = CliRunner()


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [  # from published tables of the exact interval (e.g. R's binom.test)
        (1, 10, 0.0025285785, 0.4450161172),
        (5, 100, 0.0164318808, 0.1128349111),
        (50, 100, 0.3983211295, 0.6016788705),
        (99, 100, 0.9455406115, 0.9997468532),
    ],
)
def test_the_exact_interval(errors: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(errors, trials) == pytest.approx((low, high), abs=1e-8)


def test_the_interval_is_that_of_the_binomial_itself() -> None:
    """At each bound, the tail of the binomial distribution is 2.5 %, whatever the size."""
    for errors, trials in ((3, 30_000), (2, 7), (400, 1000)):
        low, high = clopper_pearson(errors, trials)
        assert _at_most(errors, trials, high) == pytest.approx(0.025, rel=1e-6)
        assert 1 - _at_most(errors - 1, trials, low) == pytest.approx(0.025, rel=1e-6)


def _at_most(errors: int, trials: int, rate: float) -> float:
    value = total = 0.0
    log = trials * np.log1p(-rate)
    for k in range(errors + 1):
        value = float(np.exp(log))
        total += value
        log += np.log((trials - k) / (k + 1)) + np.log(rate) - np.log1p(-rate)
    return total


def test_no_error_is_the_rule_of_three() -> None:
    assert clopper_pearson(0, 300) == (0.0, pytest.approx(3 / 300, rel=0.01))
    assert smallest_shown(30_000) == pytest.approx(1e-4, rel=0.01)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert clopper_pearson(7, 7)[1] == 1.0
    with pytest.raises(ValueError):
        clopper_pearson(2, 1)


def known(genuine: list[float], impostor: list[float], lost: int = 0) -> Trials:
    """Two people; everything alternates between them."""
    who = np.arange(len(genuine)) % 2
    other = np.arange(len(impostor)) % 2
    return Trials(
        people=2,
        genuine=np.array(genuine),
        genuine_person=who,
        impostor=np.array(impostor),
        probe_person=other,
        holder_person=1 - other,
        attempts=len(genuine) + lost,
        not_acquired=lost,
    )


def test_rates_of_comparisons_and_of_attempts() -> None:
    made = known([0.2, 0.3, 0.4, 0.6], [0.5, 0.55, 0.7, 0.8, 0.9], lost=1)
    assert made.fmr(0.5).value == 1 / 5  # at the threshold is a match
    assert made.fnmr(0.5).value == 1 / 4
    assert made.fta.value == 1 / 5
    assert made.far(0.5).value == pytest.approx(1 / 5 * 4 / 5)  # ISO/IEC 19795-1
    assert made.frr(0.5).value == pytest.approx(1 / 5 + 1 / 4 * 4 / 5)
    rate, threshold = made.eer()
    assert 0.5 <= threshold < 0.55
    assert rate == pytest.approx((1 / 5 + 1 / 4) / 2)


def test_splitting_again_makes_no_new_evidence() -> None:
    once = known([0.2] * 10, [0.9] * 20)
    again = known([0.2] * 100, [0.9] * 200)
    again = Trials(**{**{k: getattr(again, k) for k in again.__slots__}, "splits": 10})
    assert again.fmr(0.5).bounds == once.fmr(0.5).bounds
    assert again.frr(0.5).bounds == once.frr(0.5).bounds


def test_a_threshold_is_seen_but_not_shown_by_few() -> None:
    few = known([0.2] * 10, [0.6, 0.7] * 50)
    assert few.threshold_for(0.0001, proven=False) == 0.599
    assert few.threshold_for(0.0001, proven=True) is None
    assert few.threshold_for(0.04, proven=True) == 0.599  # 3 / 100
    many = known([0.2] * 10, [0.6, 0.7] * 20_000)
    assert many.threshold_for(0.0001, proven=True) == 0.599


def test_one_bad_person_widens_the_bounds_by_person() -> None:
    """Ten people, one of whom is always refused: no bound over attempts may hide it."""
    people, each = 10, 50
    who = np.repeat(np.arange(people), each)
    made = Trials(
        people=people,
        genuine=np.where(who == 3, 0.8, 0.2),
        genuine_person=who,
        impostor=np.full(20, 0.9),
        probe_person=np.zeros(20, np.int64),
        holder_person=np.ones(20, np.int64),
        attempts=people * each,
        not_acquired=0,
    )
    by_person = made.by_person(0.5)
    assert by_person is not None
    low, high = made.fnmr(0.5).bounds
    assert by_person.frr[0] < low < high < by_person.frr[1]
    assert by_person.frr[1] == pytest.approx(0.3, abs=0.11)
    assert (by_person.refused, by_person.asked, by_person.mistaken) == (1, 10, 0)


def face(place: int, noise: float, random: np.random.Generator) -> NDArray[np.float32]:
    base = np.zeros(128, np.float32)
    base[place] = 1.42
    return (base + random.normal(0, noise, 128)).astype(np.float32)


def rows(*places: float) -> NDArray[np.float32]:
    """Embeddings in a plane, at these angles in degrees."""
    made = np.zeros((len(places), 128), np.float32)
    made[:, 0], made[:, 1] = np.cos(np.radians(places)), np.sin(np.radians(places))
    return made


def test_a_score_is_the_angle_between_the_means() -> None:
    assert score(rows(10), rows(10)) == pytest.approx(0, abs=1e-6)
    assert score(rows(0), rows(60)) == pytest.approx(LENGTH)
    assert score(rows(-20, 20), rows(50, 60, 70)) == pytest.approx(LENGTH, rel=1e-6)
    assert score(3 * rows(0), 0.1 * rows(60)) == pytest.approx(LENGTH, rel=1e-6)


def test_one_odd_template_does_not_open() -> None:
    """A template that is another's face: the smallest distance would be 0."""
    assert score(rows(60), rows(0, 2, 60)) > 0.9


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_score_of_nonsense_lets_nobody_pass(value: float) -> None:
    broken = np.full((1, 128), value, np.float32)
    good = rows(0)
    for probes, templates in ((broken, good), (good, broken), (broken, broken)):
        assert score(probes, templates) == np.inf
    assert score(good[:0], good) == np.inf
    assert score(good, good[:0]) == np.inf
    assert score(good, np.concatenate([good, -good])) == np.inf


def test_the_command_tries_the_recommended_threshold() -> None:
    assert facetrial.RECOMMENDED == RECOMMENDED


def crowd(people: int = 4, pictures: int = 8) -> dict[str, list[EvaluatedPicture]]:
    """People at right angles (two apart), each picture nearly the same."""
    random = np.random.default_rng(3)
    return {
        f"p{person}": [EvaluatedPicture(face(person, 0.001, random), None) for _ in range(pictures)]
        for person in range(people)
    }


def test_everybody_is_tried_against_everybody() -> None:
    made, left_out = evaluate.trials(crowd(), Plan(templates=3, frames=2, splits=5))
    assert left_out == []
    assert len(made.genuine) == 4 * 2 * 5  # two taps of two from five pictures
    assert len(made.impostor) == 4 * 2 * 3 * 5
    assert made.genuine.max() < 0.1
    assert made.impostor.min() > 0.9
    assert not (made.probe_person == made.holder_person).any()


def test_all_at_once_is_the_same_as_one_by_one() -> None:
    random = np.random.default_rng(5)
    seen = {
        str(person): [
            EvaluatedPicture(random.normal(0, 0.1, 128).astype(np.float32), None) for _ in range(9)
        ]
        for person in range(5)
    }
    at_once, _ = evaluate.trials(seen, Plan(frames=3))
    one_by_one, _ = evaluate.trials(seen, Plan(frames=3, rule=partial(score)))
    assert at_once.genuine == pytest.approx(one_by_one.genuine, abs=1e-12)
    assert at_once.impostor == pytest.approx(one_by_one.impostor, abs=1e-12)


def test_no_picture_is_template_and_probe_at_once() -> None:
    made, _ = evaluate.trials(crowd(), Plan())
    assert made.genuine.min() > 0


def test_the_same_seed_gives_the_same_figures() -> None:
    seen = crowd()
    one, two, other = (evaluate.trials(seen, Plan(seed=seed))[0] for seed in (1, 1, 2))
    assert (one.genuine == two.genuine).all()
    assert (one.genuine != other.genuine).any()


def test_a_tap_without_a_face_is_a_failure_to_acquire() -> None:
    seen = crowd(people=3, pictures=5)
    seen["p0"][3:] = [EvaluatedPicture(None, Refusal.NO_FACE)] * 2
    made, _ = evaluate.trials(seen, Plan(templates=3, frames=1, splits=4))
    assert made.fta.errors == 2
    assert made.fta.trials == 6
    assert made.frr(0.5).value == pytest.approx(2 / 6)


def test_a_poor_picture_is_no_template_but_comes_to_the_door() -> None:
    seen = crowd(people=3, pictures=5)
    poor = [EvaluatedPicture(item.embedding, Refusal.TOO_BLURRED) for item in seen["p0"]]
    made, left_out = evaluate.trials({**seen, "p0": poor}, Plan())
    assert left_out == ["p0"]
    assert made.people == 2
    made, left_out = evaluate.trials({**seen, "p0": poor}, Plan(gates=False))
    assert left_out == []


def test_too_few_people_or_pictures_is_said() -> None:
    with pytest.raises(BadData, match="two people or more"):
        evaluate.trials(crowd(people=3, pictures=3), Plan())


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))
    return path


def test_folders_and_files_by_person(tmp_path: Path) -> None:
    for name in ("a/1.pgm", "a/2.jpg", "b_1.png", "b_2.png", "a/notes.txt"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("x")
        else:
            put(tmp_path / name)
    assert {key: len(found) for key, found in evaluate.people(tmp_path).items()} == {"a": 2, "b": 2}
    with pytest.raises(BadData, match="two people"):
        evaluate.people(tmp_path / "none")


def test_pairs_as_csv_and_as_lfw(tmp_path: Path) -> None:
    for name in ("a/a_0001.jpg", "a/a_0004.jpg", "b/b_0001.jpg"):
        put(tmp_path / name)
    table = tmp_path / "pairs.csv"
    table.write_text(
        "picture_a,picture_b,same\na/a_0001.jpg,a/a_0004.jpg,1\na/a_0001.jpg, b/b_0001.jpg ,No\n"
    )
    lfw = tmp_path / "pairs.txt"
    lfw.write_text("10\t300\na\t1\t4\na\t1\tb\t1\n")
    assert evaluate.pairs(table) == evaluate.pairs(lfw)
    assert [item.same for item in evaluate.pairs(table)] == [True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a/a_0001.jpg,a/a_0001.jpg,1\nx,y\n", "line 2: a line is picture_a"),
        ("a 1 1\na 1 nobody 1\n", "line 2: there is no picture"),
        ("a 1 1\nwhat is this line of\n", "line 2: a line is NAME N M"),
        ("a 1 1\n", "same and of different"),
        ("", "same and of different"),
    ],
)
def test_a_bad_list_of_pairs_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    put(tmp_path / "a" / "a_0001.jpg")
    (tmp_path / "pairs").write_text(text)
    with pytest.raises(BadData, match=says):
        evaluate.pairs(tmp_path / "pairs")


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pairs").write_bytes(b"\xff\xd8\xff\xe0" * 100)
    with pytest.raises(BadData, match="not a list of pairs"):
        evaluate.pairs(tmp_path / "pairs")


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    made = known([0.2, 0.3, 0.5] * 20, [0.45, 0.7, 0.8] * 50)
    plot.det(made, tmp_path / "det.png", "known", 0.5)
    image = cv2.imread(str(tmp_path / "det.png"))
    assert image.shape[0] > 500
    assert image.std() > 10


def test_without_matplotlib_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(plot.NoPlotting, match="pip install 'matplotlib"):
        plot.det(known([0.2], [0.9]), tmp_path / "det.png", "known", 0.5)


def test_pairs_in_one_folder_have_no_figures_by_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list does not say who is who: "1 of 1 people were refused" would mean nothing."""
    random = np.random.default_rng(3)
    seen = {}
    for number in range(4):
        put(tmp_path / f"{number}.jpg")
        embedding = face(number // 2, 0.001, random)
        seen[tmp_path / f"{number}.jpg"] = EvaluatedPicture(embedding, None)
    (tmp_path / "pairs.csv").write_text("0.jpg,1.jpg,1\n2.jpg,3.jpg,1\n0.jpg,2.jpg,0\n")
    monkeypatch.setattr(evaluate, "look", lambda *_: seen)
    arguments = ["face", "evaluate", str(tmp_path / "pairs.csv")]
    words = runner.invoke(app, arguments)
    assert words.exit_code == 0, words.output
    assert "people" not in words.output and "no figures by person" in words.output
    assert "failure to acquire" in words.output
    document = json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert document["by_person"] is None and document["people"] is None
    assert document["at"]["fmr"]["trials"] == 1


@pytest.mark.faces
def test_evaluate_command_on_photographs(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people, two pictures each: everything the command prints, from real pictures."""
    once = functools.cache(lambda paths: evaluate_look(list(paths), 1.0, lambda: None))
    evaluate_look = evaluate.look
    monkeypatch.setattr(evaluate, "look", lambda paths, *_: once(tuple(paths)))
    for name, source in (("obama/1", "obama"), ("obama/2", "obama2"), ("biden/1", "biden")):
        (tmp_path / f"{name}.jpg").parent.mkdir(exist_ok=True)
        small = cv2.resize(cv2.imread(str(photos / f"{source}.jpg")), None, fx=0.5, fy=0.5)
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), small)
    mirrored = cv2.imread(str(tmp_path / "biden/1.jpg"))[:, ::-1]
    cv2.imwrite(str(tmp_path / "biden/2.jpg"), mirrored)
    (tmp_path / "biden" / "3.jpg").write_bytes(b"broken")
    arguments = ["face", "evaluate", str(tmp_path), "--templates", "1", "--no-gates"]
    result = runner.invoke(app, [*arguments, "--splits", "2", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["people"] == 2
    assert document["refused_at_enrolment"]["unreadable"] == 1
    assert document["at"]["fmr"]["errors"] == 0
    assert document["at"]["fnmr"]["errors"] == 0
    assert document["failure_to_acquire"]["errors"] == 1
    assert document["wanted"]["threshold_shown"] is None
    words = runner.invoke(app, [*arguments, "--plot", str(tmp_path / "det.png")])
    assert words.exit_code == 0, words.output
    assert "no threshold can be shown" in words.output
    assert (tmp_path / "det.png").stat().st_size > 10_000


def test_evaluate_command_says_what_is_wrong(tmp_path: Path) -> None:
    for arguments in ([str(tmp_path / "none")], [str(tmp_path)], [str(tmp_path), "--want-far=2"]):
        result = runner.invoke(app, ["face", "evaluate", *arguments])
        assert result.exit_code in (1, 2)
        assert "garita:" in result.output


def test_a_rate_of_nothing_is_no_rate() -> None:
    assert Rate(0, 0).as_dict() == {
        "errors": 0,
        "trials": 0,
        "rate": None,
        "low": 0.0,
        "high": 1.0,
    }
