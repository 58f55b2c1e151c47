use super::*;

fn seen(language: Language, text: &str) -> Vec<String> {
    let shown = |s: Symbol| format!("{}:{} {}", s.line, s.kind, s.name);
    of(language, text).into_iter().map(shown).collect()
}

#[test]
fn rust() {
    let text = "use x;\npub(crate) async fn a() {\n    fn inner() {}\n}\nstruct B;\n\
        pub const fn c() {}\nconst D: u8 = 1;\nmacro_rules! e {}\nunsafe extern \"C\" fn f() {}\n\
        static mut G: u8 = 0;\nimpl B {}\nfunction";
    let expected = [
        "2:fn a",
        "5:struct B",
        "6:fn c",
        "7:const D",
        "8:macro_rules e",
        "9:fn f",
        "10:static G",
    ];
    assert_eq!(seen(Language::Rust, text), expected);
}

#[test]
fn python() {
    let text = "import x\nclass A(B):\n    def m(self): ...\nasync def f(): ...\ndef g(): ...\ndefault = 1";
    assert_eq!(
        seen(Language::Python, text),
        ["2:class A", "4:def f", "5:def g"]
    );
}

#[test]
fn scripts() {
    let text = "export default async function main() {}\nexport class A {}\ninterface B {}\n\
        export type C = string\nexport const d = 1\n  const inner = 2\nfunction* gen() {}\n\
        export const enum E {}\nconstant()";
    let expected = [
        "1:function main",
        "2:class A",
        "3:interface B",
        "4:type C",
        "5:const d",
        "7:function gen",
        "8:const E",
    ];
    assert_eq!(seen(Language::TypeScript, text), expected);
}

#[test]
fn go() {
    let text = "package x\nfunc A() {}\nfunc (r *R) B() {}\ntype C struct {}\nvar d = 1\nvar (\n\te = 2\n)";
    assert_eq!(
        seen(Language::Go, text),
        ["2:func A", "3:func B", "4:type C", "5:var d"]
    );
}

#[test]
fn markdown() {
    let text = "# A\n```sh\n# no\n```\n## B c\n#no\n####### no\n~~~\n# no";
    assert_eq!(seen(Language::Markdown, text), ["1:h1 A", "5:h2 B c"]);
}

#[test]
fn a_file_without_end_of_symbols_is_bounded() {
    assert_eq!(
        of(Language::Python, &"def f(): ...\n".repeat(9999)).len(),
        MAX_SYMBOLS
    );
    assert_eq!(
        of(Language::Markdown, &"# f\n".repeat(9999)).len(),
        MAX_SYMBOLS
    );
}
