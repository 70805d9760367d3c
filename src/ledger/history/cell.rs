//! Values of a row under the names of their columns.

use nabiz_core::time::Timestamp;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value, as of a ratio whose denominator is 0.
    Empty,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// A text of the row.
    Text(&'a str),
    /// A text of the layout, the same in each row.
    Constant(&'a str),
    /// A text that is made for the cell.
    Owned(String),
    /// An instant, shown in the time zone of the output.
    Time(Timestamp),
}

impl Cell<'_> {
    /// Creates the cell of a queue or channel: no value in a row over all of them.
    pub(super) fn name(name: &str) -> Cell<'_> {
        if name.is_empty() { Cell::Empty } else { Cell::Text(name) }
    }
}

impl From<Option<f64>> for Cell<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Cell::Empty, Cell::Number)
    }
}

impl From<Option<u64>> for Cell<'_> {
    fn from(count: Option<u64>) -> Self {
        count.map_or(Cell::Empty, Cell::Count)
    }
}

/// A name, and its value in a row.
pub type Column<R> = (&'static str, fn(&R) -> Cell<'_>);

/// A row with named values, which can be written as CSV and JSON.
pub trait Record: Sized + 'static {
    /// Every column, in the order of CSV. The names are a contract: a column may be added at the
    /// end, none changes its meaning.
    const COLUMNS: &'static [Column<Self>];
}
