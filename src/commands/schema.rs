//! `nabiz schema`

use std::io::Write;

use anyhow::{Context, anyhow};
use nabiz_core::event::{EVENT_TYPES, document, document_of, event_type};
use serde_json::Value;

use super::failure::Failure;

/// Prints the JSON Schema of the events.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  nabiz schema contact.queued > contact.queued.schema.json")]
pub(crate) struct Args {
    /// Event type, such as contact.queued; without it, all types in one document
    #[arg(value_name = "TYPE")]
    event_type: Option<String>,
}

/// Prints the schema.
///
/// # Errors
/// Returns a usage failure for an unknown event type.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let schema = schema(args.event_type.as_deref())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{schema:#}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    Ok(())
}

fn schema(name: Option<&str>) -> Result<Value, Failure> {
    match name {
        None => Ok(document()),
        Some(name) => event_type(name).map(document_of).ok_or_else(|| unknown(name)),
    }
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = EVENT_TYPES.iter().map(|event_type| event_type.name).collect();
    Failure::Usage(anyhow!("unknown event type {name:?}; expected one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_one_type_when_it_is_named_else_all() {
        assert_eq!(schema(Some("contact.queued")).unwrap()["title"], "contact.queued");
        assert_eq!(schema(None).unwrap()["$defs"].as_object().unwrap().len(), EVENT_TYPES.len());
    }

    #[test]
    fn error_lists_the_types_when_a_type_is_unknown() {
        let Err(Failure::Usage(error)) = schema(Some("contact")) else {
            panic!("expected a usage failure");
        };
        let text = error.to_string();
        assert!(EVENT_TYPES.iter().all(|event_type| text.contains(event_type.name)), "{text}");
    }
}
