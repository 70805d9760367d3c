//! A value, with its bounds on depth and size.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::fuel;

/// Levels of arrays and objects that a value may have, as `serde_json` allows in its input.
pub(crate) const DEPTH_MAX: u8 = 128;
/// Largest size of a value: items, and parts of 16 bytes of text. A value that shares its parts
/// with itself can have a size far beyond its memory.
const SIZE_MAX: u32 = 4_000_000;

/// A JSON value.
#[derive(Clone, Debug, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Array(Rc<Items>),
    Object(Rc<Members>),
}

/// The items of an array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    pub(crate) items: Vec<Value>,
    extent: Extent,
}

/// The members of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) members: BTreeMap<Rc<str>, Value>,
    extent: Extent,
}

impl Items {
    /// Returns the size, as [`Value::size`].
    pub(super) fn size(&self) -> usize {
        self.extent.size as usize
    }
}

impl Members {
    /// Returns the size, as [`Value::size`].
    pub(super) fn size(&self) -> usize {
        self.extent.size as usize
    }
}

/// How deep and how large a value is, with the parts that it shares counted as often as they stand
/// in it.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    depth: u8,
    size: u32,
}

impl Extent {
    /// Returns the extent of a container without content.
    const EMPTY: Extent = Extent { depth: 1, size: 1 };

    /// Adds a part to a container.
    fn add(&mut self, part: Extent) {
        self.depth = self.depth.max(part.depth.saturating_add(1));
        self.size = self.size.saturating_add(part.size);
    }

    /// Returns whether a container of this extent is allowed. Where it is not, the record is out of
    /// fuel.
    fn is_allowed(self) -> bool {
        let is_allowed = self.depth <= DEPTH_MAX && self.size <= SIZE_MAX;
        if !is_allowed {
            fuel::spend();
        }
        is_allowed
    }
}

impl Value {
    /// Creates a text.
    pub(crate) fn text(text: impl Into<Rc<str>>) -> Self {
        Value::Text(text.into())
    }

    /// Creates an array; null, and no fuel is left, where it would be too deep or too large.
    pub(crate) fn array(items: Vec<Value>) -> Self {
        let mut extent = Extent::EMPTY;
        items.iter().for_each(|item| extent.add(item.extent()));
        match extent.is_allowed() {
            true => Value::Array(Rc::new(Items { items, extent })),
            false => Value::Null,
        }
    }

    /// Creates an object; null, and no fuel is left, where it would be too deep or too large.
    pub(crate) fn object(members: BTreeMap<Rc<str>, Value>) -> Self {
        let mut extent = Extent::EMPTY;
        for (name, value) in &members {
            extent.add(text_extent(name));
            extent.add(value.extent());
        }
        match extent.is_allowed() {
            true => Value::Object(Rc::new(Members { members, extent })),
            false => Value::Null,
        }
    }

    /// Returns the text; `None` for another type.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the name of the type, as the filter `type` gives it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::Float(_) => "number",
            Value::Text(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Returns the size: what comparing or writing the value costs.
    pub(crate) fn size(&self) -> usize {
        self.extent().size as usize
    }

    fn extent(&self) -> Extent {
        match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                Extent { depth: 0, size: 1 }
            }
            Value::Text(text) => text_extent(text),
            Value::Array(array) => array.extent,
            Value::Object(object) => object.extent,
        }
    }
}

fn text_extent(text: &str) -> Extent {
    Extent { depth: 0, size: u32::try_from(1 + text.len() / 16).unwrap_or(u32::MAX) }
}
