//! The live page and that of plans: each one document that contains its style and script, and loads
//! nothing else.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// One script in its parts.
const SCRIPTS: [&str; 5] = [
    include_str!("words.js"),
    include_str!("text.js"),
    include_str!("language.js"),
    include_str!("cards.js"),
    include_str!("page.js"),
];

const PLAN_TEMPLATE: &str = include_str!("plan.html");
const PLAN_STYLES: [&str; 2] = [STYLE, include_str!("plan.css")];
/// One script in its parts: the texts of the live page are used too.
const PLAN_SCRIPTS: [&str; 7] = [
    include_str!("words.js"),
    include_str!("plan_words.js"),
    include_str!("text.js"),
    include_str!("language.js"),
    include_str!("plan_charts.js"),
    include_str!("plan_table.js"),
    include_str!("plan.js"),
];

struct Page {
    html: String,
    policy: HeaderValue,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| page_of(TEMPLATE, STYLE, &SCRIPTS.concat()));

static PLAN_PAGE: LazyLock<Page> =
    LazyLock::new(|| page_of(PLAN_TEMPLATE, &PLAN_STYLES.concat(), &PLAN_SCRIPTS.concat()));

/// Returns a template with its style and script, which contains no other.
fn page_of(template: &str, style: &str, script: &str) -> Page {
    let html = template.replacen("/*style*/", style, 1).replacen("/*script*/", script, 1);
    // The browser runs only the style and script with these hashes, and trusted types forbid the
    // script to turn text into markup.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash_source(style),
        hash_source(script),
    );
    let policy =
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Page { html, policy }
}

/// Returns the hash of `text` as a source of a content security policy.
fn hash_source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// `/`
pub(super) async fn page() -> Response {
    answer(&PAGE)
}

/// `/plan`
pub(super) async fn plan_page() -> Response {
    answer(&PLAN_PAGE)
}

fn answer(page: &'static Page) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, page.policy.clone()),
    ];
    (headers, page.html.as_str()).into_response()
}
