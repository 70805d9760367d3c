//! Agents who serve several chats at once.
//!
//! An agent with `c` chats is taken as `c` servers, so `n` agents are `n * c` servers of an Erlang
//! queue. Parallel chats slow each other: a chat takes `h(c) = h(1) * (1 + slowdown * (c - 1))`,
//! so that an agent finishes `c / h(c)` chats a second. This is the service rate of an agent that
//! depends on the number of the agent's chats, in its simplest form, taken at full concurrency
//! (Luo and Zhang, *Staffing and control of instant messaging contact centers*, Operations
//! Research 61 (2013), 328-343; Tezcan and Zhang, *Routing and staffing in customer service chat
//! systems with impatient customers*, Operations Research 62 (2014), 943-956).
//!
//! Slowdown is between two bounds: at 0 parallel chats do not touch each other and `c` chats need a
//! `c`-th of the agents; at 1 an agent only divides attention, and concurrency gains nothing in
//! throughput.
//!
//! Limits of the method:
//! - Every chat takes `h(c)`, also while an agent has fewer than `c`. Quiet times are faster in
//!   truth, so with a slowdown the number of agents is on the safe side.
//! - A handle time that was measured while agents had parallel chats contains their slowdown
//!   already: use it with slowdown 0 for the same concurrency, or divide it by
//!   [`stretch`](Concurrency::stretch) of the measured concurrency first.
//! - The time that a customer needs to type is part of the handle time; the method does not know
//!   how much of it an agent can use.

use crate::input::{InputError, check};

/// The most contacts that an agent can serve at once.
pub const MAX_CONTACTS_PER_AGENT: u32 = 100;

/// How many contacts an agent serves at once, and how they slow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concurrency {
    contacts_per_agent: u32,
    slowdown: f64,
}

impl Concurrency {
    /// One contact at a time, as with calls.
    pub const ONE: Self = Self { contacts_per_agent: 1, slowdown: 0.0 };

    /// Returns a concurrency of 1 to [`MAX_CONTACTS_PER_AGENT`] contacts. `slowdown` is what each
    /// further parallel contact adds to the handle time, as a share of the handle time of a contact
    /// served alone: 0 (nothing) to 1 (parallel contacts gain nothing).
    ///
    /// # Errors
    ///
    /// An argument is out of its bounds.
    pub fn new(contacts_per_agent: u32, slowdown: f64) -> Result<Self, InputError> {
        let bounds = 1.0..=f64::from(MAX_CONTACTS_PER_AGENT);
        let found = f64::from(contacts_per_agent);
        check("contacts per agent", "1 to 100", found, |x| bounds.contains(&x))?;
        check("slowdown", "0 to 1", slowdown, |x| (0.0..=1.0).contains(&x))?;
        Ok(Self { contacts_per_agent, slowdown })
    }

    /// Returns how many contacts an agent serves at once.
    pub fn contacts_per_agent(self) -> u32 {
        self.contacts_per_agent
    }

    /// Returns by which factor the handle time grows from one contact to full concurrency.
    pub fn stretch(self) -> f64 {
        1.0 + self.slowdown * f64::from(self.contacts_per_agent - 1)
    }

    /// Returns the handle time at full concurrency of contacts that take `alone_seconds` alone.
    pub fn handle_seconds(self, alone_seconds: f64) -> f64 {
        alone_seconds * self.stretch()
    }

    /// Returns how many times more contacts an agent finishes than by serving one at a time.
    pub fn gain(self) -> f64 {
        f64::from(self.contacts_per_agent) / self.stretch()
    }
}
