//! What arrives at a queue and how long it takes: the input of every staffing formula.

use crate::concurrency::Concurrency;
use crate::input::{InputError, check, not_negative, positive};

/// The greatest load that the formulas take, in erlangs.
pub const MAX_ERLANGS: f64 = 20_000.0;

/// The demand of one queue while it is steady: arrivals, handle time and patience.
///
/// Arrivals are Poisson, handle times and patience are exponential, as in Erlang's formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    contacts_per_second: f64,
    handle_seconds: f64,
    patience_seconds: f64,
    contacts_per_agent: u32,
}

impl Demand {
    /// Returns the demand of `contacts` that arrive in `interval_seconds` and take
    /// `handle_seconds` each (conversation with hold, and wrap-up).
    ///
    /// Patience is infinite and an agent serves one contact at a time until
    /// [`with_patience`](Self::with_patience) and [`with_concurrency`](Self::with_concurrency) say
    /// something else.
    ///
    /// # Errors
    ///
    /// `contacts` is negative, a time is not above 0, or the load is above [`MAX_ERLANGS`].
    pub fn new(
        contacts: f64,
        interval_seconds: f64,
        handle_seconds: f64,
    ) -> Result<Self, InputError> {
        not_negative("contacts", contacts)?;
        positive("interval seconds", interval_seconds)?;
        positive("handle seconds", handle_seconds)?;
        let contacts_per_second = contacts / interval_seconds;
        Self {
            contacts_per_second,
            handle_seconds,
            patience_seconds: f64::INFINITY,
            contacts_per_agent: 1,
        }
        .checked()
    }

    /// Returns this demand with a mean patience: 0 (nobody waits) to 1e9, or infinity (nobody
    /// abandons).
    ///
    /// # Errors
    ///
    /// `mean_seconds` is out of these bounds.
    pub fn with_patience(self, mean_seconds: f64) -> Result<Self, InputError> {
        let patience_seconds =
            check("patience seconds", "0 to 1e9, or infinity", mean_seconds, |x| {
                (0.0..=1e9).contains(&x) || x == f64::INFINITY
            })?;
        Ok(Self { patience_seconds, ..self })
    }

    /// Returns this demand with agents who serve several contacts at once; the handle time grows
    /// as `concurrency` says. The handle time of `self` is that of a contact served alone.
    ///
    /// # Errors
    ///
    /// The load is then above [`MAX_ERLANGS`].
    pub fn with_concurrency(self, concurrency: Concurrency) -> Result<Self, InputError> {
        Self {
            handle_seconds: concurrency.handle_seconds(self.handle_seconds),
            contacts_per_agent: concurrency.contacts_per_agent(),
            ..self
        }
        .checked()
    }

    /// Returns the demand of one queue that takes the contacts of all: the sum of the arrivals, and
    /// the mean handle time and the mean rate of abandonment (1 / patience) over them.
    ///
    /// # Errors
    ///
    /// There are no queues, they differ in how many contacts an agent serves at once, or the load
    /// is above [`MAX_ERLANGS`].
    pub fn pooled(queues: &[Self]) -> Result<Self, InputError> {
        let Some(first) = queues.first() else {
            return Err(InputError { name: "queues", allowed: "at least one", found: 0.0 });
        };
        let differing = queues.iter().find(|q| q.contacts_per_agent != first.contacts_per_agent);
        if let Some(queue) = differing {
            return Err(InputError {
                name: "contacts per agent",
                allowed: "the same in all queues",
                found: f64::from(queue.contacts_per_agent),
            });
        }
        let contacts_per_second: f64 = queues.iter().map(|queue| queue.contacts_per_second).sum();
        if contacts_per_second == 0.0 {
            return Ok(*first);
        }
        let mean = |of: fn(&Self) -> f64| {
            let busy = queues.iter().filter(|queue| queue.contacts_per_second > 0.0);
            busy.map(|queue| queue.contacts_per_second / contacts_per_second * of(queue)).sum()
        };
        let handle_seconds = mean(|queue| queue.handle_seconds);
        let abandonment_rate: f64 = mean(|queue| queue.patience_seconds.recip());
        Self {
            contacts_per_second,
            handle_seconds,
            patience_seconds: abandonment_rate.recip(),
            contacts_per_agent: first.contacts_per_agent,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, InputError> {
        check("erlangs", "0 to 20000", self.erlangs(), |x| x <= MAX_ERLANGS)?;
        Ok(self)
    }

    /// Returns the arrivals a second.
    pub fn contacts_per_second(&self) -> f64 {
        self.contacts_per_second
    }

    /// Returns the mean handle time in seconds, as it is with the concurrency of this demand.
    pub fn handle_seconds(&self) -> f64 {
        self.handle_seconds
    }

    /// Returns the mean patience in seconds; infinite where nobody abandons.
    pub fn patience_seconds(&self) -> f64 {
        self.patience_seconds
    }

    /// Returns how many contacts an agent serves at once.
    pub fn contacts_per_agent(&self) -> u32 {
        self.contacts_per_agent
    }

    /// Returns the offered load in erlangs: arrivals a second times the handle time.
    pub fn erlangs(&self) -> f64 {
        self.contacts_per_second * self.handle_seconds
    }
}
