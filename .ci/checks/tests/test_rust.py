import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import rust


def functions(source):
    return list(rust.functions(rust.blank(source)))


class Blank(unittest.TestCase):
    def test_offsets_and_lines_stay(self):
        source = 'let a = "x\ny"; // c\n/* d\n */ e'
        blanked = rust.blank(source)
        self.assertEqual(len(blanked), len(source))
        self.assertEqual(blanked.count("\n"), source.count("\n"))

    def test_literals_and_comments_hide_what_is_in_them(self):
        for hidden in (
            '"{"', r'"\"{"', r'"\\"', 'r"{\\"', 'r#"{"{"#', 'br##"{"#{"##', "'{'", r"'\''", r"b'\\'", "'\"'",
            "// {", "/* { /* { */ { */", r"'\u{7b}'",
        ):
            with self.subTest(hidden):
                blanked = rust.blank(hidden + "\nend")
                self.assertNotIn("{", blanked)
                self.assertTrue(blanked.endswith("\nend"), blanked)

    def test_lifetimes_and_raw_names_are_code(self):
        source = "fn f<'a, 'b>(x: &'a str, for_r: &'b u8) where 'a: 'b { r#type() }"
        self.assertEqual(rust.blank(source), source)

    def test_an_unclosed_literal_ends_with_the_file(self):
        for source in ('"abc', 'r#"abc"', "/* abc", "'\\", '"abc\\'):
            with self.subTest(source):
                self.assertEqual(len(rust.blank(source)), len(source))


class Functions(unittest.TestCase):
    def test_length_is_from_signature_to_brace(self):
        self.assertEqual(functions("\nfn f(\n  x: u8,\n) {\n  g();\n}\n"), [("f", 2, 5)])

    def test_braces_in_literals_do_not_count(self):
        self.assertEqual(functions('fn f() {\n "{{{";\n \'{\';\n // {\n}\nfn g() {}'), [("f", 1, 5), ("g", 6, 1)])

    def test_a_declaration_has_no_body(self):
        source = "trait T {\n fn f(&self) -> [u8; 3];\n fn g() {\n }\n}"
        self.assertEqual(functions(source), [("g", 3, 2)])

    def test_pointers_are_not_functions(self):
        self.assertEqual(functions("type F = fn(u8) -> u8; struct S { f: fn() }"), [])

    def test_a_function_within_a_function_counts_in_both(self):
        self.assertEqual(functions("fn f() {\n fn g() {\n }\n}"), [("f", 1, 4), ("g", 2, 2)])


class TestModules(unittest.TestCase):
    def test_blocks_are_cut_and_files_are_named(self):
        source = (
            "fn a() {}\n#[cfg(test)]\nmod units {\n fn b() { if x { } }\n}\n"
            '#[cfg(all(test, feature = "http"))]\n#[path = "x.rs"]\npub(crate) mod far;\nfn c() {}\n'
        )
        code, files = rust.without_test_modules(rust.blank(source))
        self.assertEqual([name for name, _, _ in rust.functions(code)], ["a", "c"])
        self.assertEqual(files, ["far"])

    def test_other_modules_stay(self):
        code, files = rust.without_test_modules("#[cfg(unix)]\nmod a { fn b() {} }\nmod c;")
        self.assertIn("fn b", code)
        self.assertEqual(files, [])


class Structs(unittest.TestCase):
    def test_commas_in_types_do_not_separate_fields(self):
        source = "struct S<A, B> {\n a: Map<A, (B, B)>,\n #[x(1, 2)]\n b: fn(A, B) -> Vec<B>,\n c: [u8; 2]\n}"
        self.assertEqual(list(rust.structs(rust.blank(source))), [("S", 1, 3)])

    def test_tuples_and_units_have_no_named_fields(self):
        self.assertEqual(list(rust.structs("struct A(u8, u8); struct B; fn f() {}")), [])


class LintAttributes(unittest.TestCase):
    def test_only_those_without_reason_are_named(self):
        source = (
            '#[allow(a, reason = "b")]\n#[expect(\n  a,\n  reason = "b"\n)]\n#![allow(c)]\n'
            '#[cfg_attr(test, expect(d))]\n"#[allow(e)]"; // #[allow(f)]\n'
        )
        self.assertEqual(list(rust.lint_attributes_without_reason(rust.blank(source))), [6, 7])


if __name__ == "__main__":
    unittest.main()
