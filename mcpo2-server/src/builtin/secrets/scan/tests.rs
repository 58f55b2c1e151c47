use super::*;
use crate::builtin::Root;

/// Planted secrets. They are put together here so that no scanner stops at this file.
fn planted() -> Vec<(&'static str, String)> {
    let body = "q7Rk2Vt9XbLm4NcZ1WpYs8Hd6Jf3Ga5Ue0To";
    vec![
        (
            "private-key",
            format!(
                "-----BEGIN RSA {}-----\nMIIEowIBAAKCAQEA7v\n",
                "PRIVATE KEY"
            ),
        ),
        (
            "private-key",
            format!(
                "-----BEGIN OPENSSH {}-----\\nb3BlbnNzaC1rZXktdjE\\n",
                "PRIVATE KEY"
            ),
        ),
        ("github-token", format!("ghp_{body}")),
        ("github-pat", format!("github_pat_{body}_{body}")),
        ("gitlab-token", format!("glpat-{}", &body[..20])),
        ("aws-access-key", format!("AKIA{}", "Q7RK2VT5XBLM4NCZ")),
        (
            "slack-token",
            format!("xoxb-{}-{}", "2048109283", &body[..16]),
        ),
        ("stripe-key", format!("sk_live_{}", &body[..24])),
        ("google-api-key", format!("AIza{}", &body[..35])),
        ("npm-token", format!("npm_{body}")),
        ("anthropic-key", format!("sk-ant-api03-{body}")),
        ("openai-key", format!("sk-proj-{body}")),
        ("jwt", format!("eyJ{0}.eyJ{0}.{0}", &body[..20])),
        (
            "url-password",
            format!("postgres://app:{}@db.internal/app", &body[..14]),
        ),
        ("quoted-secret", format!("let api_key = \"{body}\";")),
        (
            "quoted-secret",
            format!("{{\"client_secret\": \"{body}\"}}"),
        ),
        ("bare-secret", format!("export DB_PASSWORD={body}")),
        ("bare-secret", format!("  auth_token: {body}")),
    ]
}

/// What looks like a secret and is none.
const CLEAN: &str = r#"
const HEADER: &str = "-----BEGIN RSA PRIVATE KEY-----";
let token = parser.next_token_of_line2(input1)?;
let password = std::env::var("DATABASE_PASSWORD_V2_2026")?;
api_key: ${OPENAI_API_KEY}
API_KEY=your-api-key-goes-here-1a2b3c
access_key = "AKIAIOSFODNN7EXAMPLE"
digest: b3:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
uuid = "123e4567-e89b-12d3-a456-426614174000"
git clone https://github.com/acme/repo.git && ssh git@github.com
postgres://app:${DB_PASSWORD}@db.internal/app
token_type: access_token_response_type
secretName = "my-app-database-credentials"
The key ghp_ begins a GitHub token; sk_live_ one of Stripe, xoxb- one of Slack.
"#;

#[test]
fn every_planted_secret_is_found_by_its_rule_and_not_shown() {
    for (rule, line) in planted() {
        let report = text(&format!("# a file\n\n{line}\n")).unwrap();
        let [finding] = report.findings.as_slice() else {
            panic!("{line}: {report:?}")
        };
        assert_eq!((finding.rule, finding.line), (rule, 3), "{line}");
        let answer = serde_json::to_string(&report).unwrap();
        assert!(
            !line
                .as_bytes()
                .windows(14)
                .any(|part| { std::str::from_utf8(part).is_ok_and(|part| answer.contains(part)) }),
            "{answer}"
        );
    }
}

#[test]
fn nothing_is_found_in_a_clean_text() {
    assert_eq!(text(CLEAN).unwrap().findings, []);
}

#[test]
fn a_place_is_counted_in_characters() {
    let (_, token) = planted().remove(2);
    let report = text(&format!("é\n\t“{token}”")).unwrap();
    assert_eq!(
        report
            .findings
            .first()
            .map(|found| (found.line, found.column)),
        Some((2, 3))
    );
}

#[test]
fn a_text_that_is_too_long_is_refused_and_findings_are_bounded() {
    assert!(text(&"x".repeat(MAX_TEXT + 1)).is_err());
    let (_, token) = planted().remove(2);
    let report = text(&format!("{token}\n").repeat(MAX_FINDINGS + 100)).unwrap();
    assert!(report.truncated && report.findings.len() == MAX_FINDINGS);
}

#[test]
fn a_directory_is_looked_through_without_its_binaries() {
    let dir = tempfile::tempdir().unwrap();
    let (_, token) = planted().remove(2);
    std::fs::create_dir(dir.path().join("src")).unwrap();
    std::fs::write(
        dir.path().join("src/config.env"),
        format!("GITHUB={token}\n"),
    )
    .unwrap();
    std::fs::write(dir.path().join("clean.txt"), CLEAN).unwrap();
    std::fs::write(dir.path().join("image.bin"), format!("\0{token}")).unwrap();
    let report = super::dir(&Root::new(dir.path()).find(".").unwrap());
    assert_eq!(
        (report.files_scanned, report.files_skipped, report.truncated),
        (2, 1, false)
    );
    let [found] = report.findings.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(
        (found.path.as_str(), found.finding.column),
        ("src/config.env", 8)
    );
}
