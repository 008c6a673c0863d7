"""Joining modules and style sheets: what is understood, and what is refused rather than guessed."""

from __future__ import annotations

import pytest

from bot.channels.widget_files import HERE
from bot.web.linking import LinkError, link_modules, link_styles

MODULES = {
    "a/main.js": """// First.
import { one, two as zwei } from "./b.js";
import * as c from "../c.js";
import {
  Thing,
} from "../d.js";

/** Tells
 * what it does. */
function begin() {
  // import { never } from "./comment.js";
  return import(`./words/${c.lang}.js`).then(() => [one, zwei(), Thing]);
}

begin();
""",
    "a/b.js": """export const one = `
  // kept, since it lies in a template
    as it is`;
export async function two() {}
const inner = 2;
export { inner as outer };
""",
    "c.js": """import { one } from "./a/b.js";
export const lang = one;
export const { React, x: y } = window;
""",
    "d.js": "export class Thing {}\n",
}


def test_modules_become_one_in_the_order_in_which_they_are_needed() -> None:
    linked = link_modules(MODULES.__getitem__, "a/main.js")
    assert linked == (
        "const $m0 = (() => {\nconst one = `\n  // kept, since it lies in a template\n    as it is`;\n"
        "async function two() {}\nconst inner = 2;\n"
        "return { one, two, outer: inner };\n})();\n"
        "const $m1 = (() => {\nconst { one } = $m0;\nconst lang = one;\nconst { React, x: y } = window;\n"
        "return { lang, React, y };\n})();\n"
        "const $m2 = (() => {\nclass Thing {}\nreturn { Thing };\n})();\n"
        "const $m3 = (() => {\nconst { one, two: zwei } = $m0;\nconst c = $m1;\nconst {\nThing,\n} = $m2;\n"
        "function begin() {\nreturn import(`./words/${c.lang}.js`).then(() => [one, zwei(), Thing]);\n}\n"
        "begin();\nreturn {  };\n})();\n"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('import { a } from "./a.js";\n', "a circle"),
        ('import a from "./b.js";\n', "not understood"),
        ('import "./b.js";\n', "not understood"),
        ('import { a } from "elsewhere";\n', "imports elsewhere"),
        ("export let changing = 1;\n", "not understood"),
        ("export default 1;\n", "not understood"),
        ('export * from "./b.js";\n', "not understood"),
        ("await begin();\n", "not understood"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        link_modules({"a.js": text, "b.js": ""}.__getitem__, "a.js")


def test_style_sheets_follow_one_another_and_name_no_other_files() -> None:
    sheets = {
        "a.css": "a{}",
        "b.css": "b{background:url(data:image/png;base64,AA)}\n\n",
        "c.css": "@import 'x';",
    }
    assert link_styles(sheets.__getitem__, ["b.css", "a.css"]) == (
        "b{background:url(data:image/png;base64,AA)}\na{}\n"
    )
    with pytest.raises(LinkError, match=r"c\.css"):
        link_styles(sheets.__getitem__, ["a.css", "c.css"])


def test_the_widgets_own_files_can_be_joined() -> None:
    def read(name: str) -> str:
        return (HERE / name).read_text(encoding="utf-8")

    linked = link_modules(read, "frame/main.js")
    assert "\nimport " not in linked and "\nexport " not in linked
    for module in (HERE / "frame" / "words").glob("*.js"):
        assert "\nimport " not in "\n" + module.read_text(encoding="utf-8"), (
            f"{module.name} would load others twice"
        )
