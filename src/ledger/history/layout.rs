//! The order, names and form of the columns of an output.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use nabiz_core::time::Timestamp;

use super::cell::{Cell, Record};

/// Most columns of a layout.
const COLUMNS_MAX: usize = 200;

/// The order, names and form of the columns of an output. The default has every column under its
/// name, in RFC 4180.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Every column under its own name where absent.
    columns: Option<Vec<LayoutColumn>>,
    /// CSV begins with the names.
    has_header: bool,
    /// The byte between the fields of CSV.
    pub(super) separator: u8,
    /// The text of an empty field of CSV.
    pub(super) empty: String,
    /// Times are in UTC, not in the zone of the configuration.
    is_utc: bool,
    /// CSV is made for spreadsheets: lines end with CRLF, and a text that a spreadsheet would run
    /// as a formula has an apostrophe before it.
    pub(super) is_for_spreadsheets: bool,
}

/// One column of a layout.
#[derive(Clone, Debug, PartialEq)]
struct LayoutColumn {
    title: String,
    source: Source,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// A column of the rows.
    Column { name: String, form: Form },
    /// The same text in each row.
    Constant(String),
}

/// How a value is written.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// As in an output without a layout.
    Plain,
    /// A number, rounded to as many decimals.
    Decimals(u8),
    /// A time, by a pattern of strftime.
    Pattern(String),
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            columns: None,
            has_header: true,
            separator: b',',
            empty: String::new(),
            is_utc: false,
            is_for_spreadsheets: true,
        }
    }
}

/// A layout as people write it. Everything is absent by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutRequest {
    /// Columns: `name`, `name=Title`, `name:form=Title` or `'text'=Title`, with commas between.
    pub columns: Option<String>,
    /// `yes` or `no`.
    pub header: Option<String>,
    /// One character.
    pub separator: Option<String>,
    /// The text of an empty field.
    pub empty: Option<String>,
    /// `local` or `utc`.
    pub times: Option<String>,
}

impl LayoutRequest {
    /// Returns whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == LayoutRequest::default()
    }

    /// Returns `layout` with what is asked for in its place.
    ///
    /// # Errors
    /// The parameter whose value is not allowed, with what is allowed.
    pub(super) fn apply(&self, mut layout: Layout) -> Result<Layout, (&'static str, String)> {
        if let Some(columns) = &self.columns {
            layout.columns = Some(parse_columns(columns).map_err(|detail| ("columns", detail))?);
        }
        match self.header.as_deref() {
            None => {}
            Some("yes") => layout.has_header = true,
            Some("no") => layout.has_header = false,
            Some(_) => return Err(("header", "expected yes or no".to_string())),
        }
        match self.separator.as_deref() {
            None => {}
            Some("tab") => layout.separator = b'\t',
            Some(",") => layout.separator = b',',
            Some(";") => layout.separator = b';',
            Some("|") => layout.separator = b'|',
            Some(_) => return Err(("separator", "expected one of , ; | tab".to_string())),
        }
        if let Some(empty) = &self.empty {
            if empty.len() > 32 {
                return Err(("empty", "expected a text of at most 32 bytes".to_string()));
            }
            layout.empty.clone_from(empty);
        }
        match self.times.as_deref() {
            None => {}
            Some("local") => layout.is_utc = false,
            Some("utc") => layout.is_utc = true,
            Some(_) => return Err(("times", "expected local or utc".to_string())),
        }
        Ok(layout)
    }
}

impl Layout {
    /// The file that Eleveo WFM imports.
    pub(super) fn wfm_eleveo() -> Layout {
        let column = |name: &str, form| LayoutColumn {
            title: name.to_string(),
            source: Source::Column { name: name.to_string(), form },
        };
        Layout {
            columns: Some(vec![
                column("queue", Form::Plain),
                column("start", Form::Pattern("%Y-%m-%dT%H:%M:%SZ".to_string())),
                column("offered", Form::Plain),
                column("aht_seconds", Form::Decimals(0)),
            ]),
            has_header: false,
            separator: b',',
            empty: "0".to_string(),
            is_utc: true,
            is_for_spreadsheets: false,
        }
    }

    /// Returns the zone in which times are written.
    pub(super) fn zone<'a>(&self, configured: &'a TimeZone) -> &'a TimeZone {
        const UTC: &TimeZone = &TimeZone::UTC;
        if self.is_utc { UTC } else { configured }
    }

    /// Returns whether CSV begins with the names of the columns.
    pub fn has_header(&self) -> bool {
        self.has_header
    }

    /// Returns the first name that is no column of the rows.
    pub fn unknown_column<R: Record>(&self) -> Option<&str> {
        self.columns.iter().flatten().find_map(|column| match &column.source {
            Source::Column { name, .. } => {
                let is_known = R::COLUMNS.iter().any(|(known, _)| known == name);
                (!is_known).then_some(name.as_str())
            }
            Source::Constant(_) => None,
        })
    }

    /// Returns the names of the columns in their order.
    pub(super) fn titles<R: Record>(&self) -> Vec<String> {
        match &self.columns {
            None => R::COLUMNS.iter().map(|(name, _)| (*name).to_string()).collect(),
            Some(columns) => columns.iter().map(|column| column.title.clone()).collect(),
        }
    }

    /// Returns the values of a row in the order of the columns. `zone` is that of the output.
    pub(super) fn cells<'a, R: Record>(&'a self, row: &'a R, zone: &TimeZone) -> Vec<Cell<'a>> {
        let Some(columns) = &self.columns else {
            return R::COLUMNS.iter().map(|(_, cell)| cell(row)).collect();
        };
        let cell_of = |column: &'a LayoutColumn| match &column.source {
            Source::Constant(text) => Cell::Constant(text),
            Source::Column { name, form } => {
                let found = R::COLUMNS.iter().find(|(known, _)| known == name);
                let cell = found.map_or(Cell::Empty, |(_, cell)| cell(row));
                form.apply(cell, zone)
            }
        };
        columns.iter().map(cell_of).collect()
    }
}

impl Form {
    fn apply<'a>(&self, cell: Cell<'a>, zone: &TimeZone) -> Cell<'a> {
        match (self, cell) {
            (Form::Decimals(decimals), Cell::Number(number)) => {
                let unit = 10_f64.powi(i32::from(*decimals));
                Cell::Number((number * unit).round() / unit)
            }
            (Form::Pattern(pattern), Cell::Time(time)) => {
                Cell::Owned(formatted(pattern, time, zone).unwrap_or_default())
            }
            (_, cell) => cell,
        }
    }
}

/// Returns a time by a pattern of strftime; `None` for a pattern that is not valid.
fn formatted(pattern: &str, time: Timestamp, zone: &TimeZone) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(time.get()).ok()?.to_zoned_datetime(zone.clone());
    strtime::format(pattern, &time).ok()
}

fn parse_columns(text: &str) -> Result<Vec<LayoutColumn>, String> {
    // Before they are compared with each other: a request can hold very many.
    let found = text.split(',').count();
    if found > COLUMNS_MAX {
        return Err(format!("expected at most {COLUMNS_MAX} columns, found {found}"));
    }
    let columns: Vec<LayoutColumn> = text.split(',').map(parse_column).collect::<Result<_, _>>()?;
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|before| before.title == column.title) {
            return Err(format!("expected each title once, found {:?} twice", column.title));
        }
    }
    Ok(columns)
}

/// Parses `name`, `name=Title`, `name:form=Title` or `'text'=Title`.
fn parse_column(text: &str) -> Result<LayoutColumn, String> {
    let short = || text.chars().take(64).collect::<String>();
    if let Some(constant) = text.strip_prefix('\'') {
        let (constant, title) = constant
            .split_once('\'')
            .ok_or_else(|| format!("expected ' at the end of the text, found {:?}", short()))?;
        let title = match title {
            "" => constant,
            title => title.strip_prefix('=').ok_or_else(|| {
                format!("expected = and a title after the text, found {:?}", short())
            })?,
        };
        let source = Source::Constant(constant.to_string());
        return Ok(LayoutColumn { title: title.to_string(), source });
    }
    let (value, title) = match text.split_once('=') {
        Some((value, title)) => (value, Some(title)),
        None => (text, None),
    };
    let (name, form) = match value.split_once(':') {
        Some((name, form)) => (name, parse_form(form)?),
        None => (value, Form::Plain),
    };
    if name.is_empty() {
        return Err(format!("expected the name of a column, found {:?}", short()));
    }
    let title = title.unwrap_or(name).to_string();
    Ok(LayoutColumn { title, source: Source::Column { name: name.to_string(), form } })
}

fn parse_form(form: &str) -> Result<Form, String> {
    if let Some(decimals) = form.parse::<u8>().ok().filter(|decimals| *decimals <= 9) {
        return Ok(Form::Decimals(decimals));
    }
    let is_pattern = form.contains('%') && formatted(form, Timestamp(0), &TimeZone::UTC).is_some();
    if !is_pattern {
        let form: String = form.chars().take(64).collect();
        return Err(format!(
            "expected after : a number of decimals from 0 to 9, or the pattern of a time such as \
             %H:%M, found {form:?}"
        ));
    }
    Ok(Form::Pattern(form.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(columns: &str) -> Result<Layout, (&'static str, String)> {
        let request =
            LayoutRequest { columns: Some(columns.to_string()), ..LayoutRequest::default() };
        request.apply(Layout::default())
    }

    #[test]
    fn column_has_a_name_a_form_and_a_title() {
        let layout =
            parsed("start:%d.%m.%Y=Date,start:%H:%M=Time,offered,aht_seconds:1=AHT,'15'=L");
        let columns = layout.unwrap().columns.unwrap();
        let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
        assert_eq!(titles, ["Date", "Time", "offered", "AHT", "L"]);
        let of = |name: &str, form| Source::Column { name: name.to_string(), form };
        let sources: Vec<&Source> = columns.iter().map(|column| &column.source).collect();
        assert_eq!(
            sources,
            [
                &of("start", Form::Pattern("%d.%m.%Y".to_string())),
                &of("start", Form::Pattern("%H:%M".to_string())),
                &of("offered", Form::Plain),
                &of("aht_seconds", Form::Decimals(1)),
                &Source::Constant("15".to_string()),
            ]
        );
    }

    #[test]
    fn layout_error_names_the_parameter() {
        for columns in [
            "",
            "start,",
            "start,start:%H",
            "start:%!",
            "start:12",
            "start:x",
            "'15",
            "'15'x",
            "=Title",
        ] {
            assert_eq!(parsed(columns).unwrap_err().0, "columns", "{columns}");
        }
        // The bound comes first: equal titles are looked for only below it.
        let many = parsed(&"start,".repeat(COLUMNS_MAX + 1)).unwrap_err().1;
        assert!(many.starts_with("expected at most 200 columns, found 202"), "{many}");
        let text = |text: &str| Some(text.to_string());
        for (request, parameter) in [
            (LayoutRequest { header: text("maybe"), ..LayoutRequest::default() }, "header"),
            (LayoutRequest { separator: text("x"), ..LayoutRequest::default() }, "separator"),
            (LayoutRequest { empty: text(&"x".repeat(33)), ..LayoutRequest::default() }, "empty"),
            (LayoutRequest { times: text("here"), ..LayoutRequest::default() }, "times"),
        ] {
            assert_eq!(request.apply(Layout::default()).unwrap_err().0, parameter);
        }
    }

    #[test]
    fn form_rounds_numbers_and_formats_times() {
        let number = Form::Decimals(1).apply(Cell::Number(183.25), &TimeZone::UTC);
        assert_eq!(number, Cell::Number(183.3));
        let time = Cell::Time(Timestamp(1_767_591_000_000));
        let form = Form::Pattern("%Y-%m-%dT%H:%M:%SZ".to_string());
        let expected = Cell::Owned("2026-01-05T05:30:00Z".to_string());
        assert_eq!(form.apply(time, &TimeZone::UTC), expected);
        assert_eq!(Form::Decimals(0).apply(Cell::Empty, &TimeZone::UTC), Cell::Empty);
    }
}
