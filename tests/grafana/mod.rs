//! What the test of the dashboards needs: the files with their expressions, PromQL looked at, a real Prometheus, and a browser
//! that draws them.

pub mod draw;
pub mod files;
pub mod prometheus;
pub mod promql;

/// Whether a missing tool is a failure, as `make test` says.
pub fn tools_are_required() -> bool {
    std::env::var("NABIZ_REQUIRE_TOOLS").is_ok_and(|value| value == "1")
}
