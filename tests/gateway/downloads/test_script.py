"""Modules as one classic script: the same behaviour without a module system; what is not understood is refused."""

import subprocess
from pathlib import Path

import pytest

from gateway.downloads.script import NotClassic, classic
from gateway.pages.static import STATIC_FOLDER
from tests.support.node import NODE


def written(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "main.js"


def test_names_of_different_modules_do_not_meet(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { twice } from "./one.js";\nimport { twice as thrice,\n  Kept } from "./two.js";\n'
        "const helper = 1;\nconsole.log(twice(2) + thrice(2) + helper + new Kept().value);\n",
        one="const helper = 2;\n\n/**\n * @param {number} x\n */\n"
        "export function twice(x) {\n  return helper * x;\n}\n",
        two="// A comment\nconst helper = 3;\nexport const twice = (x) => helper * x;\nexport class Kept {\n"
        "  constructor() {\n    this.value = 100;\n  }\n}\n",
    )
    ran = subprocess.run([NODE, "-e", classic(entry)], capture_output=True, text=True, check=True)
    assert ran.stdout == "111\n"


@pytest.mark.parametrize(
    "text",
    [
        'import all from "./one.js";',
        'import "./one.js";',
        'const x = await import("./one.js");',
        'void import("./one.js");',
        "export default function () {}",
        "export { x };",
        'import { gone } from "one";',
    ],
    ids=["default-import", "bare-import", "awaited-import", "dynamic-import", "default", "list", "package"],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    entry = written(tmp_path, main=text + "\n", one="export const x = 1;\n")
    with pytest.raises(NotClassic):
        classic(entry)


def test_modules_that_import_each_other_are_refused(tmp_path: Path) -> None:
    entry = written(tmp_path, main='import { a } from "./one.js";\n', one='import { b } from "./main.js";\n')
    with pytest.raises(NotClassic):
        classic(entry)


def test_a_module_comes_once_and_before_whoever_imports_it(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { a } from "./one.js";\nimport { b } from "./two.js";\n',
        one='import { b } from "./two.js";\nexport const a = b;\n',
        two="export const b = 'only here';\n",
    )
    script = classic(entry)
    assert script.count("only here") == 1
    assert script.index("only here") < script.index("const a = b")


def test_the_viewer_becomes_a_script_without_comments_for_types(tmp_path: Path) -> None:
    script = classic(STATIC_FOLDER / "offline" / "main.js")
    assert "class Pane extends EventTarget" in script and "function greyTable" in script
    assert "@param" not in script and "fetch(" not in script.replace("await fetch(url)", "")
    assert "</script" not in script
