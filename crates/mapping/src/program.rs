//! A program: compiling it, and running it for one record.

use std::thread;

use jaq_core::load::parse::{Def, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile};
use jiff::tz::TimeZone;

use crate::builtins;
use crate::fuel;
use crate::inspect::{MAIN, count_steps, inspect};
use crate::run_data::{Run, RunData};
use crate::value::{Value, fault_note};

/// Largest text of a program, in bytes.
const PROGRAM_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of brackets: the parser calls itself for each.
const BRACKETS_MAX: usize = 100;
/// Stack of the thread that compiles, in bytes: enough for a program of one token after the other.
const COMPILER_STACK: usize = 256 << 20;

/// Variables that a program finds, in the order of [`Variables::values`].
const VARIABLES: [&str; 5] = ["$key", "$headers", "$timestamp", "$topic", "$time_zone"];

/// A mistake in a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Mistake {
    /// Line of the program, from 1.
    pub line: usize,
    /// Letter of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// The variables of one record.
#[derive(Debug)]
pub(crate) struct Variables {
    pub(crate) key: Value,
    pub(crate) headers: Value,
    pub(crate) timestamp: Value,
    pub(crate) topic: Value,
    pub(crate) time_zone: Value,
}

impl Variables {
    fn values(self) -> [Value; 5] {
        [self.key, self.headers, self.timestamp, self.topic, self.time_zone]
    }
}

/// Why a run gave no outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunFault {
    /// The program raised an error, such as one on a value of another type. The text is there
    /// where the error is one of ours, which repeats no value.
    Error(Option<String>),
    /// The fuel did not suffice.
    OutOfFuel,
    /// More outputs than allowed.
    TooManyOutputs,
}

/// A compiled program.
pub(crate) struct Program {
    filter: Filter<Run>,
}

impl Program {
    /// Compiles a program.
    ///
    /// # Errors
    /// The mistakes, at least one.
    pub(crate) fn compile(code: &str) -> Result<Self, Vec<Mistake>> {
        // The parser calls itself for each level of a program, before anything can count them.
        let with_stack = thread::Builder::new().stack_size(COMPILER_STACK);
        thread::scope(|scope| {
            let compiler = with_stack.spawn_scoped(scope, || Self::compile_here(code));
            let compiled = compiler.ok().and_then(|compiler| compiler.join().ok());
            let failed = || Err(vec![mistake(code, "", "the compiler failed".to_owned())]);
            compiled.unwrap_or_else(failed)
        })
    }

    fn compile_here(code: &str) -> Result<Self, Vec<Mistake>> {
        check_form(code)?;
        let term = read(code)?;
        let builtins = builtins::definitions();
        inspect(&term, &builtins)
            .map_err(|finding| vec![mistake(code, finding.at, finding.message)])?;
        let main = Def { name: MAIN, args: Vec::new(), body: count_steps(term) };
        let arena = Arena::default();
        let loader = Loader::new(builtins.into_iter().chain([main]));
        let modules = loader
            .load(&arena, File { code: MAIN, path: () })
            .map_err(|_| vec![mistake(code, "", "the program cannot be loaded".to_owned())])?;
        let filter = Compiler::default()
            .with_funs(builtins::functions())
            .with_global_vars(VARIABLES)
            .compile(modules)
            .map_err(|errors| undefined(code, errors))?;
        Ok(Program { filter })
    }

    /// Runs the program for one record, whose fuel the caller has filled up.
    ///
    /// # Errors
    /// A [`RunFault`]; the text of an error of jaq or of the program is dropped, because it can
    /// repeat values.
    pub(crate) fn run(
        &self,
        input: Value,
        variables: Variables,
        time_zone: &TimeZone,
        outputs_max: usize,
    ) -> Result<Vec<Value>, RunFault> {
        let data = RunData::new(&self.filter.lut, time_zone);
        let context = Ctx::<Run>::new(data, Vars::new(variables.values()));
        let mut outputs = Vec::new();
        for output in self.filter.id.run((context, input)) {
            if fuel::is_spent() {
                return Err(RunFault::OutOfFuel);
            }
            let output = output.map_err(|exception| {
                let error = exception.get_err().ok();
                RunFault::Error(error.and_then(fault_note::text_of))
            })?;
            if outputs.len() == outputs_max {
                return Err(RunFault::TooManyOutputs);
            }
            outputs.push(output);
        }
        // Also where the program has caught the error.
        if fuel::is_spent() { Err(RunFault::OutOfFuel) } else { Ok(outputs) }
    }
}

/// Checks what could exhaust the stack of the parser.
fn check_form(code: &str) -> Result<(), Vec<Mistake>> {
    if code.len() > PROGRAM_BYTES_MAX {
        let message = format!("the program is longer than {PROGRAM_BYTES_MAX} bytes");
        return Err(vec![mistake(code, "", message)]);
    }
    let mut open = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > BRACKETS_MAX {
            let message = format!("more than {BRACKETS_MAX} brackets are open");
            return Err(vec![mistake(code, code.get(at..).unwrap_or_default(), message)]);
        }
    }
    Ok(())
}

/// Reads the syntax of a program.
fn read(code: &str) -> Result<Term<&str>, Vec<Mistake>> {
    // The loader reports places, and the parser alone gives the term.
    let loader = Loader::new([]);
    let arena = Arena::default();
    if let Err(errors) = loader.load(&arena, File { code, path: () }) {
        return Err(errors.into_iter().flat_map(|(_, error)| unreadable(code, error)).collect());
    }
    load::parse(code, |parser| parser.term()).ok_or_else(|| {
        let message = "`module`, `import` and `include` are not allowed in a mapping";
        vec![mistake(code, code, message.to_owned())]
    })
}

fn unreadable(code: &str, error: load::Error<&str>) -> Vec<Mistake> {
    match error {
        load::Error::Io(_) => {
            let message = "`import` and `include` are not allowed in a mapping";
            vec![mistake(code, code, message.to_owned())]
        }
        load::Error::Lex(errors) => errors
            .into_iter()
            .map(|(expected, at)| mistake(code, at, format!("expected {}", expected.as_str())))
            .collect(),
        load::Error::Parse(errors) => errors
            .into_iter()
            .map(|(expected, at)| mistake(code, at, format!("expected {}", expected.as_str())))
            .collect(),
    }
}

fn undefined(code: &str, errors: compile::Errors<&str, ()>) -> Vec<Mistake> {
    let errors = errors.into_iter().flat_map(|(_, errors)| errors);
    errors
        .map(|(name, kind)| {
            let what = match kind {
                compile::Undefined::Filter(arguments) => format!("`{name}/{arguments}`"),
                _ => format!("`{name}`"),
            };
            let message = format!(
                "{what} is not defined: docs/guide/mappings.md lists the filters and variables of a \
                 mapping"
            );
            mistake(code, name, message)
        })
        .collect()
}

/// Creates a mistake at a part of the program. A part that is not from the program, such as an
/// empty text, stands for its beginning.
fn mistake(code: &str, at: &str, message: String) -> Mistake {
    let start = (at.as_ptr() as usize).saturating_sub(code.as_ptr() as usize);
    let before = code.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Mistake {
        line: 1 + before.matches('\n').count(),
        column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
        message,
    }
}
