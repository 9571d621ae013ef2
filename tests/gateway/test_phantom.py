"""The invented patient: always the same, anatomically plausible, valid as DICOM."""

import hashlib

import numpy as np
import pytest
from pydicom.dataset import Dataset

from gateway.phantom import ct, head, radiograph, studies
from gateway.phantom.canvas import Bundle, Canvas, Ellipsoid, Tube, path
from gateway.phantom.noise import SmoothNoise
from storage.identifiers import is_uid

SMALL = studies.Amount(slices=12, size=128, processes=1)


def test_the_same_images_every_time() -> None:
    def digest() -> str:
        return hashlib.sha256(ct.image(3, 12, 128).tobytes() + next(head.slices(head.T1)).tobytes()).hexdigest()

    assert digest() == digest()


@pytest.fixture(scope="module")
def volume() -> list[ct.Image]:
    return [ct.image(number, 12, 128) for number in range(12)]


@pytest.fixture(scope="module")
def data_sets() -> list[Dataset]:
    return list(studies.images(SMALL))


def test_a_chest_has_air_fat_muscle_bone_and_blood_where_they_belong(volume: list[ct.Image]) -> None:
    chest = volume[5].astype(int)
    lungs = (chest > -950) & (chest < -700)
    bone = chest > 400
    assert 0.05 < lungs.mean() < 0.3
    assert 0.002 < bone.mean() < 0.05
    assert (chest[0, 0], chest[64, 64] > -200) == (-1024, True)
    belly = volume[-1].astype(int)
    assert ((belly > -950) & (belly < -700)).mean() < lungs.mean() / 2
    assert ((belly > 40) & (belly < 260)).mean() > 0.1


def test_slices_differ_from_their_neighbours(volume: list[ct.Image]) -> None:
    changes = [np.abs(a.astype(int) - b).mean() for a, b in zip(volume, volume[1:], strict=False)]
    assert min(changes) > 10


def test_a_radiograph_shows_dark_lungs_beside_a_bright_middle(volume: list[ct.Image]) -> None:
    image = radiograph.chest(volume, ct.SLICE_MM * ct.SLICES / 12).astype(int)
    assert 0 <= image.min() < image.max() <= 4095
    row = image[image.shape[0] // 3]
    lung, middle = row[image.shape[1] // 3], row[image.shape[1] // 2]
    assert middle - lung > 800


def test_both_weightings_of_the_head_invert_fluid_and_white_matter(data_sets: list[Dataset]) -> None:
    t1, t2 = (d.pixel_array.astype(int) for d in data_sets if d.Modality == "MR" and d.InstanceNumber == 12)
    ventricle = t2 > 850
    assert ventricle.sum() > 200
    assert t1[ventricle].mean() < 300 < t1[(t2 > 250) & (t2 < 420)].mean()


def test_three_examinations_of_one_patient_with_valid_identifiers(data_sets: list[Dataset]) -> None:
    assert len(data_sets) == 2 * head.SLICES + SMALL.slices + 1
    assert len({d.SOPInstanceUID for d in data_sets}) == len(data_sets)
    assert all(
        is_uid(d.SOPInstanceUID) and is_uid(d.StudyInstanceUID) and len(d.SOPInstanceUID) <= 64 for d in data_sets
    )
    assert {(str(d.PatientName), d.PatientID, d.PatientBirthDate) for d in data_sets} == {
        ("Muster^Erika", studies.PATIENT_ID, studies.BIRTH_DATE)
    }
    dates = {d.Modality: d.StudyDate for d in data_sets}
    assert sorted(dates, key=lambda modality: dates[modality]) == ["CR", "MR", "CT"]
    assert {d.SeriesDescription for d in data_sets if d.Modality == "MR"} == {"T1 axial", "T2 axial"}
    assert "Schädel" in data_sets[0].StudyDescription
    heights = [float(d.ImagePositionPatient[2]) for d in data_sets if d.Modality == "CT"]
    assert heights == sorted(heights, reverse=True)


def test_processes_make_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Heads are made by one process in any case.
    monkeypatch.setattr(head, "slices", lambda weighting: iter(()))

    def pixels(processes: int) -> list[bytes]:
        amount = studies.Amount(slices=3, size=64, processes=processes)
        return [d.PixelData for d in studies.images(amount) if d.Modality == "CT"]

    made = pixels(2)
    assert len(made) == 3 and made == pixels(1)


def test_an_ellipsoid_covers_its_area_with_soft_edges() -> None:
    canvas = Canvas(200, 1.0, 0.0, 0.0)
    canvas.ellipsoid(Ellipsoid(10, -5, 0, 40, 20, 30), 1.0)
    assert canvas.values.sum() == pytest.approx(np.pi * 40 * 20, rel=0.02)
    assert ((canvas.values > 0.2) & (canvas.values < 0.8)).any()
    assert canvas.inside(Ellipsoid(0, 0, 50, 40, 20, 30)) is None


def test_a_tube_is_as_thick_as_said_and_a_bundle_finds_what_crosses() -> None:
    upright, aside = path([(0, 0, -50), (0, 0, 50)], 8), [Tube((0, 0, 90), (5, 0, 99), 3, 2)]
    assert Bundle([*upright, *aside]).at(0.0) == upright
    canvas = Canvas(100, 0.5, 0.0, 0.0)
    canvas.tubes([*upright, *aside], 1.0)
    assert canvas.values.sum() * 0.25 == pytest.approx(np.pi * 64, rel=0.02)


def test_noise_has_no_mean_and_changes_smoothly_with_height() -> None:
    noise = SmoothNoise(128, 1.0, 10, seed=5)
    low, near, far = noise.at(50), noise.at(51), noise.at(90)
    assert abs(float(low.mean())) < 0.3
    assert np.abs(near - low).mean() < 0.3 * np.abs(far - low).mean()
