//! The rows of an answer with a history, of any kind.

use std::io::Write;

use nabiz_core::settings::Settings;
use nabiz_core::time::TimeRange;

use super::history_source::HistorySource;
use crate::ledger::LedgerError;
use crate::ledger::history::{
    AgentRow, ArrivalRow, FurtherHistory, Headline, History, HistoryFormat, HistoryRow, Kind,
    Layout, OutputError, PauseRow, ProfileRow, Query, Record, Request, RequestError, ScoreRow,
    UnitRow, headlines, profile, write_rows,
};

/// The rows of a query, before they are read.
pub(super) enum Rows {
    Visits(History),
    /// What is usual, in place of the visits.
    Profile(History),
    /// The headline of a year, in place of the visits.
    Headline(History),
    Arrivals(FurtherHistory<ArrivalRow>),
    Units(FurtherHistory<UnitRow>),
    Scores(FurtherHistory<ScoreRow>),
    Pauses(FurtherHistory<PauseRow>),
    Agents(FurtherHistory<AgentRow>),
}

impl Rows {
    /// Returns the layout of the columns that the rows of a query have.
    pub(super) fn layout(request: &Request, query: &Query) -> Result<Layout, RequestError> {
        match query.of {
            Kind::Visits if query.is_headline => request.layout::<Headline>(),
            Kind::Visits if query.is_profile => request.layout::<ProfileRow>(),
            Kind::Visits => request.layout::<HistoryRow>(),
            Kind::Arrivals => request.layout::<ArrivalRow>(),
            Kind::Units => request.layout::<UnitRow>(),
            Kind::Scores => request.layout::<ScoreRow>(),
            Kind::Pauses => request.layout::<PauseRow>(),
            Kind::Agents => request.layout::<AgentRow>(),
        }
    }

    /// Opens the ledger for a query. Blocks.
    pub(super) fn open(source: HistorySource, query: Query) -> Result<Rows, LedgerError> {
        Ok(match query.of {
            Kind::Visits if query.is_headline => Rows::Headline(source.open(query)?),
            Kind::Visits if query.is_profile => Rows::Profile(source.open(query)?),
            Kind::Visits => Rows::Visits(source.open(query)?),
            Kind::Arrivals => Rows::Arrivals(source.open_further(query)?),
            Kind::Units => Rows::Units(source.open_further(query)?),
            Kind::Scores => Rows::Scores(source.open_further(query)?),
            Kind::Pauses => Rows::Pauses(source.open_further(query)?),
            Kind::Agents => Rows::Agents(source.open_further(query)?),
        })
    }

    /// Returns the part of the period of which nothing is known, as an error; only visits have one.
    pub(super) fn unknown_part(&mut self) -> Result<Option<RequestError>, LedgerError> {
        match self {
            Rows::Visits(history) | Rows::Profile(history) => history.unknown_part(),
            _ => Ok(None),
        }
    }

    /// Returns the time of which the rows are complete; `None` where there is none yet.
    pub(super) fn known(&mut self) -> Result<Option<TimeRange>, LedgerError> {
        match self {
            Rows::Visits(rows) | Rows::Profile(rows) | Rows::Headline(rows) => rows.known(),
            Rows::Arrivals(rows) => rows.known(),
            Rows::Units(rows) => rows.known(),
            Rows::Scores(rows) => rows.known(),
            Rows::Pauses(rows) => rows.known(),
            Rows::Agents(rows) => rows.known(),
        }
    }

    /// Reads the rows and writes them, until `is_cancelled` returns true.
    pub(super) fn write(
        self,
        form: &Form,
        settings: &Settings,
        is_cancelled: impl Fn() -> bool + Send + 'static,
        out: &mut impl Write,
    ) -> Result<(), OutputError> {
        match self {
            Rows::Visits(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
            Rows::Profile(rows) => {
                let rows = profile(rows.cancelled_by(is_cancelled))?;
                form.write(rows.into_iter().map(Ok), settings, out)
            }
            Rows::Headline(rows) => {
                let rows = headlines(rows.cancelled_by(is_cancelled))?;
                form.write(rows.into_iter().map(Ok), settings, out)
            }
            Rows::Arrivals(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
            Rows::Units(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
            Rows::Scores(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
            Rows::Pauses(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
            Rows::Agents(rows) => form.write(rows.cancelled_by(is_cancelled), settings, out),
        }
    }
}

/// The form of an answer.
pub(super) struct Form {
    pub(super) format: HistoryFormat,
    pub(super) layout: Layout,
}

impl Form {
    fn write<R: Record>(
        &self,
        rows: impl Iterator<Item = Result<R, LedgerError>>,
        settings: &Settings,
        out: &mut impl Write,
    ) -> Result<(), OutputError> {
        let zone = settings.windows.business_day.zone();
        write_rows(rows, self.format, &self.layout, zone, out)
    }
}
