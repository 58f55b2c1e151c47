//! Keys as chance would make them, and what only looks like one.

/// Bytes of an alphabet, as chance would give them, but the same each time.
fn random(seed: u64, alphabet: &str, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        alphabet.as_bytes()[(state >> 33) as usize % alphabet.len()] as char
    };
    (0..length).map(|_| next()).collect()
}

const HEX: &str = "0123456789abcdef";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What each planted key is, and a line that has it. No scanner of repositories finds one here.
pub(crate) fn planted(seed: u64) -> Vec<(&'static str, String)> {
    let tokens = tokens(seed).into_iter();
    let mut planted: Vec<_> = tokens
        .map(|(what, prefix, body)| (what, format!("x = call({prefix}{body})")))
        .collect();
    planted.extend(in_context(seed));
    planted
}

/// Tokens with a prefix of their own.
fn tokens(seed: u64) -> [(&'static str, String, String); 21] {
    let r = |alphabet, length| random(seed, alphabet, length);
    [
        ("github", ["gh", "p_"].concat(), r(MIXED, 36)),
        ("github app", ["gh", "s_"].concat(), r(MIXED, 36)),
        (
            "github fine",
            ["github", "_pat_"].concat(),
            format!("{}_{}", r(MIXED, 22), r(MIXED, 59)),
        ),
        ("gitlab", ["gl", "pat-"].concat(), r(URL, 20)),
        (
            "slack",
            ["xo", "xb-"].concat(),
            format!("{}-{}", r("123456789", 12), r(MIXED, 24)),
        ),
        ("aws", ["AK", "IA"].concat(), r(UPPER, 16)),
        ("openai", ["sk", "-proj-"].concat(), r(URL, 48)),
        ("anthropic", ["sk", "-ant-api03-"].concat(), r(URL, 93)),
        ("stripe", ["sk", "_live_"].concat(), r(MIXED, 24)),
        ("google", ["AI", "za"].concat(), r(URL, 35)),
        ("npm", ["np", "m_"].concat(), r(MIXED, 36)),
        ("pypi", ["py", "pi-AgEIcHlwaS5vcmc"].concat(), r(URL, 90)),
        ("digitalocean", ["do", "p_v1_"].concat(), r(HEX, 64)),
        ("hugging face", ["h", "f_"].concat(), r(MIXED, 34)),
        (
            "sendgrid",
            ["S", "G."].concat(),
            format!("{}.{}", r(URL, 22), r(URL, 43)),
        ),
        ("shopify", ["shp", "at_"].concat(), r(HEX, 32)),
        ("vault", ["hv", "s."].concat(), r(URL, 90)),
        ("docker", ["dckr", "_pat_"].concat(), r(URL, 27)),
        (
            "slack hook",
            ["https://hooks.slack", ".com/services/"].concat(),
            format!("T{}/B{}/{}", r(UPPER, 9), r(UPPER, 9), r(MIXED, 24)),
        ),
        (
            "jwt",
            ["ey", "Jh"].concat(),
            format!("{}.eyJ{}.{}", r(URL, 33), r(URL, 60), r(URL, 43)),
        ),
        (
            "telegram",
            ["bot", "123456789:"].concat(),
            format!("AA{}", r(URL, 33)),
        ),
    ]
}

/// Keys that are known by what is around them.
fn in_context(seed: u64) -> [(&'static str, String); 13] {
    let r = |alphabet, length| random(seed, alphabet, length);
    let key = |label: &str| {
        let lines: Vec<_> = (0..12)
            .map(|line| random(seed + line, BASE64, 64))
            .collect();
        let words = format!("{label}PRIVATE KEY-----");
        format!("-----BEGIN {words}\n{}\n-----END {words}", lines.join("\n"))
    };
    [
        (
            "assigned json",
            format!("{{\"api_key\": \"{}\"}}", r(MIXED, 32)),
        ),
        ("assigned hex", format!("client_secret = '{}'", r(HEX, 40))),
        (
            "assigned rust",
            format!("const API_TOKEN: &str = \"{}\";", r(MIXED, 24)),
        ),
        (
            "assigned call",
            format!("password: SecretString::from(\"{}\"),", r(MIXED, 20)),
        ),
        (
            "assigned env",
            format!("export DB_PASSWORD={}", r(LOWER, 28)),
        ),
        (
            "assigned yaml",
            format!("secret_access_key: {}", r(BASE64, 40)),
        ),
        (
            "azure",
            format!("AccountName=a;AccountKey={}==;Suffix=b", r(BASE64, 86)),
        ),
        (
            "bearer",
            format!("curl -H 'Authorization: Bearer {}'", r(URL, 40)),
        ),
        (
            "url",
            format!("postgres://app:{}@db.example.com/app", r(MIXED, 24)),
        ),
        ("pem", key("")),
        ("pem rsa", key("RSA ")),
        ("pem ssh", key("OPENSSH ")),
        ("pem json", format!("{{\"private_key\": {:?}}}", key("EC "))),
    ]
}

/// Lines that look like secrets to a hasty reader.
pub(crate) const HARMLESS: [&str; 22] = [
    "let token = lexer.next_token_and_remember_it();",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "password = \"correct horse battery staple\"",
    "API_KEY=your-api-key-1234567890",
    "secret = os.environ[\"CLIENT_SECRET_2024\"]",
    "\"integrity\": \"sha512-Zt3oVwzj0HcTvJ1VGtIYJ9W3CCGHPtUcA9nVGfFNm0sMpaEJ9LQxqJHKUlVDLDLd\"",
    "commit 5862d50c1f6f8f0c7a3b1d2e4f5a6b7c8d9e0f1a",
    "checksum = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
    "id = \"550e8400-e29b-41d4-a716-446655440000\"",
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ".sk-fading-circle .sk-circle12:before { transform: rotate(330deg); }",
    "the key begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----",
    "http://user:password@localhost:8080/",
    "npm_config_cache=/tmp/cache npm_package_name=thing",
    "task-12345678901234567890-abcdefghij",
    "ghp_ is the prefix of a token of GitHub, of 36 more letters and digits",
    "Bearer realm=\"example\", error=\"invalid_token\"",
    "let access_token_url = \"https://example.com/oauth2/v2/access_token\";",
    "TOKEN_TYPE_URI = \"urn:ietf:params:oauth:token-type:access_token\"",
    "max_tokens: 128000, prompt_tokens: 12345678",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
];
