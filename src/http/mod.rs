//! The HTTP side: metrics, health, API and the page.
