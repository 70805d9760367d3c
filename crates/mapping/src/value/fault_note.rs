//! The text of the last error that one of our own operations raised.
//!
//! Errors of jaq and of a program can repeat values of the record, so that they are not shown. Ours
//! never do. The text of an error is shown only where it is one of ours, which this note tells.

use std::cell::RefCell;

use jaq_core::Error;

use crate::value::model::Value;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Creates an error whose text repeats no value, and notes it.
pub(crate) fn error(text: String) -> Error<Value> {
    LAST.with_borrow_mut(|last| last.clone_from(&text));
    Error::str(text)
}

/// Returns the text of an error if it is one of ours.
pub(crate) fn text_of(error: Error<Value>) -> Option<String> {
    let value = error.into_val();
    let text = value.as_text()?;
    LAST.with_borrow(|last| *last == text).then(|| text.to_owned())
}

/// Forgets the last error, before a record.
pub(crate) fn clear() {
    LAST.with_borrow_mut(String::clear);
}
