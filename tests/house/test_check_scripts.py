"""The check of the scripts' types: whoever runs the tests learns whether it was made."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "setup" / "check-scripts"


def run(folder: Path, *, ci: str = "", **programs: str) -> tuple[int, str]:
    """The script in a folder where only these programs are, each with what it does; its exit status and words."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in ("dirname", "touch", "bash"):
        (bin_folder / name).symlink_to(str(shutil.which(name)))
    for name, does in programs.items():
        (bin_folder / name).write_text(f"#!/bin/bash\n{does}\n", encoding="utf-8")
        (bin_folder / name).chmod(0o755)
    (folder / "setup" / "typescript").mkdir(parents=True)
    (folder / "setup" / "typescript" / "package-lock.json").touch()
    script = shutil.copy(SCRIPT, folder / "setup")
    environment = {"PATH": str(bin_folder), "CI": ci}
    ended = subprocess.run(
        ["/bin/bash", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ended.returncode, ended.stdout


def gets_typescript(does: str) -> str:
    """An npm that gets a TypeScript which does that."""
    folder = "setup/typescript/node_modules/.bin"
    tsc = f"printf '#!/bin/bash\\n{does}\\n' >{folder}/tsc"
    return f"/bin/mkdir -p {folder}\n{tsc}\n/bin/chmod +x {folder}/tsc"


@pytest.mark.parametrize("ci", ["", "true"])
def test_without_npm_it_is_said_plainly(tmp_path: Path, ci: str) -> None:
    assert run(tmp_path, ci=ci) == (
        0,
        "NOT CHECKED: the types of the scripts in viewer_static, because there is no npm here.\n",
    )


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_typescript_a_build_server_fails(tmp_path: Path, ci: str, status: int) -> None:
    ended, said = run(tmp_path, ci=ci, npm="exit 1")
    assert (ended, "NOT CHECKED" in said) == (status, True)


@pytest.mark.parametrize(("does", "status", "said"), [("exit 0", 0, "are right"), ("exit 2", 2, "")])
def test_what_the_check_finds_counts(tmp_path: Path, does: str, status: int, said: str) -> None:
    ended, words = run(tmp_path, npm=gets_typescript(does))
    assert ended == status and said in words and "NOT CHECKED" not in words


def test_it_is_part_of_the_tests_and_of_the_checks() -> None:
    makefile = (SCRIPT.parents[1] / "Makefile").read_text("utf-8")
    for target in ("test", "check"):
        (recipe,) = [part for part in makefile.split("\n\n") if f"\n{target}: " in f"\n{part}"]
        assert "\t@setup/check-scripts" in recipe
