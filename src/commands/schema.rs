//! `nabiz schema`.

use std::io::Write;

use anyhow::{Context, anyhow};
use nabiz_core::event::{EVENT_TYPES, document, document_of, event_type};
use serde_json::Value;

use super::Failure;

/// Prints the JSON Schema of the events.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  nabiz schema contact.queued > contact.queued.schema.json")]
pub struct Args {
    /// The event type, such as contact.queued; all types in one document where absent
    #[arg(value_name = "TYPE")]
    event_type: Option<String>,
}

pub fn run(args: Args) -> Result<(), Failure> {
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
    Failure::Usage(anyhow!("there is no event type {name:?}; the types are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_type_or_all() {
        assert_eq!(schema(Some("contact.queued")).unwrap()["title"], "contact.queued");
        assert_eq!(schema(None).unwrap()["$defs"].as_object().unwrap().len(), EVENT_TYPES.len());
    }

    #[test]
    fn an_unknown_type_is_wrong_usage_and_lists_the_types() {
        let Err(Failure::Usage(error)) = schema(Some("contact")) else {
            panic!("not refused as wrong usage");
        };
        let told = error.to_string();
        assert!(EVENT_TYPES.iter().all(|event_type| told.contains(event_type.name)), "{told}");
    }
}
