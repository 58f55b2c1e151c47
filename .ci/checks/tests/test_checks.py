import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import deps
import layers
import sizes
import words


def package(**kinds):
    found = [{"name": name, "kind": None if kind == "normal" else kind} for kind, names in kinds.items() for name in names]
    return {"dependencies": found}


class Layers(unittest.TestCase):
    def direct(self, **packages):
        everyone = {name: package() for name in layers.MAY_USE}
        return list(layers.direct_problems(everyone | {name.replace("_", "-"): it for name, it in packages.items()}))

    def test_the_intended_directions_pass(self):
        self.assertEqual(
            self.direct(
                mcpo2_policy=package(normal=["mcpo2-core", "serde"], dev=["mcpo2-testkit"]),
                mcpo2_server=package(normal=["mcpo2-core", "mcpo2-policy", "rmcp"], dev=["mcpo2-server"]),
                examples=package(dev=["mcpo2-server", "rmcp"]),
            ),
            [],
        )

    def test_each_wrong_direction_is_named(self):
        for crate, wrong in {
            "mcpo2_core": package(normal=["mcpo2-policy"]),
            "mcpo2_policy": package(build=["mcpo2-audit"]),
            "mcpo2_route": package(dev=["mcpo2-server"]),
            "mcpo2_audit": package(dev=["rmcp"]),
            "mcpo2_new": package(),
        }.items():
            with self.subTest(crate):
                self.assertEqual(len(self.direct(**{crate: wrong})), 1)

    def test_runtimes_are_found_anywhere_below(self):
        below = {("serde", "v1"), ("tower-layer", "v1"), ("tokio-util", "v1"), ("hyper", "v1"), ("tokio", "v1")}
        found = list(layers.tree_problems("mcpo2-policy", below, layers.LAYER_TRAITS))
        self.assertEqual(len(found), 3)
        self.assertEqual(len(list(layers.tree_problems("mcpo2-core", below, set()))), 4)


class Sizes(unittest.TestCase):
    def test_the_limit_itself_passes_and_one_more_does_not(self):
        for body, wanted in ((sizes.FUNCTION_LINES - 2, 0), (sizes.FUNCTION_LINES - 1, 1)):
            code = "fn f() {\n" + "x;\n" * body + "}\n"
            self.assertEqual(len(list(sizes.problems_in("a.rs", code))), wanted)
        for lines, wanted in ((sizes.FILE_LINES, 0), (sizes.FILE_LINES + 1, 1)):
            self.assertEqual(len(list(sizes.problems_in("a.rs", "use a;\n" * lines))), wanted)
        for fields, wanted in ((sizes.STRUCT_FIELDS, 0), (sizes.STRUCT_FIELDS + 1, 1)):
            code = "struct S { " + "a: u8, " * fields + "}"
            self.assertEqual(len(list(sizes.problems_in("a.rs", code))), wanted)


class Words(unittest.TestCase):
    # Halves are joined at run time, so that this file passes the check that it tests.
    def test_each_bad_word_is_found(self):
        for text in ("to" + "do!()", "un" + "implemented!()", "// FIX" + "ME", "// HA" + "CK", "#[ig" + "nore]", "x ||" + " true"):
            with self.subTest(text):
                self.assertEqual([number for number, _ in words.code_problems("a\n" + text)], [2])

    def test_near_words_are_not(self):
        self.assertEqual(list(words.code_problems("mktemp XXXXXX; a || truth; todo(); hackney")), [])

    def test_only_absolute_paths_are_of_one_machine(self):
        for text in ("/ho" + "me/ann", '"/ro' + 'ot/.cargo', "file:///wo" + "rk/x"):
            self.assertEqual(len(list(words.path_problems(text))), 1, text)
        for text in ("example.com/ho" + "me/x", "a/wo" + "rk/b", "the ro" + "ot/leaf", "/ho" + "me"):
            self.assertEqual(list(words.path_problems(text)), [], text)


class Deps(unittest.TestCase):
    MARKED = "a\n<!-- deps:begin -->\nold\n<!-- deps:end -->\nb\n"

    def test_only_what_is_between_the_markers_changes(self):
        new = deps.with_table(self.MARKED, "new\n")
        self.assertEqual(new, self.MARKED.replace("old", "new"))

    def test_a_file_without_markers_is_an_error(self):
        with self.assertRaises(ValueError):
            deps.with_table("a\n", "new\n")


if __name__ == "__main__":
    unittest.main()
