//! What a program may not have, found in its syntax before it runs, and the steps that it gets.
//!
//! A program ends because nothing in it can go on without taking fuel:
//! - definitions cannot call themselves, and `..` is not allowed, so that there is no recursion;
//! - values of data (`.[]`, `range`) take fuel one by one, in the value type;
//! - what is left is the text of the program: commas and calls multiply (`def a: .,.; def b: a|a;
//!   …`). [`count_steps`] puts a step that takes fuel before each of them.

use std::mem;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::{Part, Path};

/// Name of the native filter that takes one step of fuel and gives its input.
pub(crate) const STEP: &str = "nabiz_step";

/// Name under which a program is compiled, after jaq's and our definitions.
pub(crate) const MAIN: &str = "nabiz_program";

/// Most terms in what an update changes: jaq calls itself for each of them, one in the other.
const UPDATED_TERMS_MAX: usize = 64;

/// Filters that can stand in what an update changes.
const UPDATABLE: [(&str, usize); 5] =
    [("empty", 0), ("first", 0), ("first", 1), ("last", 0), ("select", 1)];

/// Filters whose last argument is what an update changes.
const UPDATING: [(&str, usize); 1] = [("del", 1)];

/// Deepest nesting of a program with its definitions put in. Each level takes stack when it runs:
/// this is less than half of what the 2 MiB of a thread bear, without optimisation.
const DEPTH_MAX: usize = 100;

/// What is wrong with a program, and the part of its text where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding<'s> {
    pub(crate) at: &'s str,
    pub(crate) message: String,
}

/// Definitions that are visible at a place: name, number of arguments, nesting.
type Scope<'s> = Vec<(&'s str, usize, usize)>;

/// Finds recursion, names that a program may not define, and nesting beyond the bound.
///
/// # Errors
/// The first finding.
pub(crate) fn inspect<'s>(
    program: &Term<&'s str>,
    builtins: &[Def<&'s str>],
) -> Result<(), Finding<'s>> {
    let mut inspector = Inspector { within: Vec::new(), author: Author::Library };
    let mut scope = Vec::new();
    for definition in builtins {
        let depth = inspector.depth_of_definition(definition, &mut scope)?;
        scope.push((definition.name, definition.args.len(), depth));
    }
    inspector.author = Author::User;
    inspector.within.push((MAIN, 0));
    inspector.depth_of(program, &mut scope).map(drop)
}

/// The author of a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// jaq or nabiz. What their updates change comes from an argument, which is checked.
    Library,
    User,
}

struct Inspector<'s> {
    author: Author,
    /// The definitions that the place is in.
    within: Vec<(&'s str, usize)>,
}

impl<'s> Inspector<'s> {
    /// Returns the nesting of a term, with the definitions that it calls.
    fn depth_of(
        &mut self,
        term: &Term<&'s str>,
        scope: &mut Scope<'s>,
    ) -> Result<usize, Finding<'s>> {
        let mut deepest = 0;
        match term {
            Term::Recurse => {
                let message = "`..` is not allowed in a mapping, because it could run without end";
                return Err(Finding { at: "", message: message.to_owned() });
            }
            Term::Call(name, arguments) => {
                if UPDATING.contains(&(*name, arguments.len()))
                    && let Some(updated) = arguments.last()
                {
                    self.check_updated(updated)?;
                }
                for argument in arguments {
                    deepest = deepest.max(self.depth_of(argument, scope)?);
                }
                deepest += self.depth_of_call(name, arguments.len(), scope)?;
            }
            Term::Def(definitions, rest) => {
                let visible = scope.len();
                for definition in definitions {
                    let depth = self.depth_of_definition(definition, scope)?;
                    scope.push((definition.name, definition.args.len(), depth));
                }
                deepest = self.depth_of(rest, scope)?;
                scope.truncate(visible);
            }
            Term::IfThenElse(branches, otherwise) => {
                // Each `elif` stands in the `else` before it.
                for (index, (condition, branch)) in branches.iter().enumerate() {
                    for part in [condition, branch] {
                        deepest = deepest.max(index + self.depth_of(part, scope)?);
                    }
                }
                if let Some(otherwise) = otherwise {
                    deepest = deepest.max(branches.len() + self.depth_of(otherwise, scope)?);
                }
            }
            other => {
                if let Term::BinOp(updated, operator, _) = other
                    && matches!(
                        operator,
                        BinaryOp::Assign
                            | BinaryOp::Update
                            | BinaryOp::UpdateMath(_)
                            | BinaryOp::UpdateAlt
                    )
                {
                    self.check_updated(updated)?;
                }
                let mut result = Ok(());
                for_each_part(other, &mut |part| {
                    if result.is_ok() {
                        result =
                            self.depth_of(part, scope).map(|depth| deepest = deepest.max(depth));
                    }
                });
                result?;
                deepest += chain_length(other);
            }
        }
        let depth = deepest + 1;
        if depth > DEPTH_MAX {
            let message = format!("the program is nested deeper than {DEPTH_MAX} levels");
            return Err(Finding { at: "", message });
        }
        Ok(depth)
    }

    /// Checks what an update changes: a bounded number of paths, because an update calls itself for
    /// each of their steps, and for each value of a fold.
    fn check_updated(&self, term: &Term<&'s str>) -> Result<(), Finding<'s>> {
        let mut terms = 0;
        if self.author == Author::User {
            count_updated(term, &mut terms)?;
        }
        if terms > UPDATED_TERMS_MAX {
            let message = format!("an update changes more than {UPDATED_TERMS_MAX} steps of paths");
            return Err(Finding { at: "", message });
        }
        Ok(())
    }

    fn depth_of_call(
        &self,
        name: &'s str,
        arguments: usize,
        scope: &Scope<'s>,
    ) -> Result<usize, Finding<'s>> {
        if self.within.contains(&(name, arguments)) {
            let message = format!(
                "`{name}` calls itself: recursion is not allowed in a mapping, because it could \
                 run without end"
            );
            return Err(Finding { at: name, message });
        }
        let defined =
            scope.iter().rev().find(|(other, count, _)| (*other, *count) == (name, arguments));
        Ok(defined.map_or(0, |(_, _, depth)| *depth))
    }

    fn depth_of_definition(
        &mut self,
        definition: &Def<&'s str>,
        scope: &mut Scope<'s>,
    ) -> Result<usize, Finding<'s>> {
        let name = definition.name;
        let names = definition.args.iter().map(|argument| argument.trim_start_matches('$'));
        let mut names = names.chain([name]);
        if let Some(name) = names.find(|name| [STEP, MAIN].contains(name)) {
            let message = format!("`{name}` is a name of nabiz: choose another one");
            return Err(Finding { at: name, message });
        }
        self.within.push((name, definition.args.len()));
        let visible = scope.len();
        // An argument hides what has its name outside; what it costs is counted where it is given.
        scope.extend(definition.args.iter().map(|argument| (*argument, 0, 0)));
        let depth = self.depth_of(&definition.body, scope);
        scope.truncate(visible);
        self.within.pop();
        depth
    }
}

fn count_updated<'s>(term: &Term<&'s str>, terms: &mut usize) -> Result<(), Finding<'s>> {
    *terms += 1 + chain_length(term);
    match term {
        Term::Id | Term::Var(_) => Ok(()),
        Term::Path(start, _) => count_updated(start, terms),
        Term::BinOp(left, BinaryOp::Pipe(None) | BinaryOp::Comma | BinaryOp::Alt, right) => {
            count_updated(left, terms)?;
            count_updated(right, terms)
        }
        Term::IfThenElse(branches, otherwise) => {
            for (_, branch) in branches {
                count_updated(branch, terms)?;
            }
            otherwise.iter().try_for_each(|branch| count_updated(branch, terms))
        }
        Term::Call(name, arguments) if UPDATABLE.contains(&(*name, arguments.len())) => match *name
        {
            "first" | "last" => {
                arguments.iter().try_for_each(|argument| count_updated(argument, terms))
            }
            _ => Ok(()),
        },
        Term::Call(name, _) => {
            let message = format!("`{name}` cannot stand in what an update changes");
            Err(Finding { at: name, message })
        }
        _ => {
            let message = "an update can change paths such as `.a`, `.[]` and `.a[0]`, with `,`, \
                           `|`, `//`, `if`, `select`, `first` and `last`";
            Err(Finding { at: "", message: message.to_owned() })
        }
    }
}

/// Returns the nesting that the compiler makes of a row: members of an object and parts of a text
/// are added one after the other, and the steps of a path go one into the other.
fn chain_length(term: &Term<&str>) -> usize {
    match term {
        Term::Obj(members) => members.len(),
        Term::Str(_, parts) => parts.len(),
        Term::Path(_, Path(parts)) => parts.len(),
        _ => 0,
    }
}

/// Calls `visit` for each term that stands directly in another one, but for the
/// parts of calls, definitions and branches.
fn for_each_part<'t, 's>(term: &'t Term<&'s str>, visit: &mut dyn FnMut(&'t Term<&'s str>)) {
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => {}
        // Their parts count in ways of their own.
        Term::IfThenElse(..) | Term::Def(..) | Term::Call(..) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(part) = part {
                    visit(part);
                }
            }
        }
        Term::Arr(content) => content.iter().for_each(|part| visit(part)),
        Term::Obj(members) => {
            for (name, value) in members {
                visit(name);
                value.iter().for_each(&mut *visit);
            }
        }
        Term::Neg(part) | Term::Label(_, part) => visit(part),
        Term::BinOp(left, operator, right) => {
            visit(left);
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                for_each_in_pattern(pattern, visit);
            }
            visit(right);
        }
        Term::Fold(_, values, pattern, parts) => {
            visit(values);
            for_each_in_pattern(pattern, visit);
            parts.iter().for_each(visit);
        }
        Term::TryCatch(body, handler) => {
            visit(body);
            handler.iter().for_each(|part| visit(part));
        }
        Term::Path(start, Path(parts)) => {
            visit(start);
            for (part, _) in parts {
                match part {
                    Part::Index(index) => visit(index),
                    Part::Range(start, end) => start.iter().chain(end).for_each(&mut *visit),
                }
            }
        }
    }
}

fn for_each_in_pattern<'t, 's>(
    pattern: &'t Pattern<&'s str>,
    visit: &mut dyn FnMut(&'t Term<&'s str>),
) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(parts) => parts.iter().for_each(|part| for_each_in_pattern(part, visit)),
        Pattern::Obj(members) => {
            for (name, part) in members {
                visit(name);
                for_each_in_pattern(part, visit);
            }
        }
    }
}

/// Puts a step before both sides of each comma, and before each call of what the program itself
/// defines.
pub(crate) fn count_steps(term: Term<&str>) -> Term<&str> {
    with_steps(term, &mut Vec::new())
}

fn step_before(term: Term<&str>) -> Term<&str> {
    let step = Term::Call(STEP, Vec::new());
    Term::BinOp(Box::new(step), BinaryOp::Pipe(None), Box::new(term))
}

fn with_steps<'s>(term: Term<&'s str>, own: &mut Vec<(&'s str, usize)>) -> Term<&'s str> {
    let boxed = |part: Box<Term<&'s str>>, own: &mut Vec<_>| Box::new(with_steps(*part, own));
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
        Term::Str(format, parts) => {
            let parts = parts.into_iter().map(|part| match part {
                StrPart::Term(part) => StrPart::Term(with_steps(part, own)),
                text => text,
            });
            Term::Str(format, parts.collect())
        }
        Term::Arr(content) => Term::Arr(content.map(|part| boxed(part, own))),
        Term::Obj(members) => {
            let members = members.into_iter().map(|(name, value)| {
                (with_steps(name, own), value.map(|value| with_steps(value, own)))
            });
            Term::Obj(members.collect())
        }
        Term::Neg(part) => Term::Neg(boxed(part, own)),
        Term::Label(name, part) => Term::Label(name, boxed(part, own)),
        Term::BinOp(left, BinaryOp::Comma, right) => {
            let (left, right) = (with_steps(*left, own), with_steps(*right, own));
            let (left, right) = (Box::new(step_before(left)), Box::new(step_before(right)));
            Term::BinOp(left, BinaryOp::Comma, right)
        }
        Term::BinOp(left, mut operator, right) => {
            if let BinaryOp::Pipe(Some(pattern)) = &mut operator {
                pattern_with_steps(pattern, own);
            }
            Term::BinOp(boxed(left, own), operator, boxed(right, own))
        }
        Term::Fold(kind, values, mut pattern, parts) => {
            pattern_with_steps(&mut pattern, own);
            // The values that a fold goes over can come again without fuel.
            let parts = parts.into_iter().map(|part| step_before(with_steps(part, own))).collect();
            Term::Fold(kind, Box::new(with_steps(*values, own)), pattern, parts)
        }
        Term::TryCatch(body, handler) => {
            // No handler goes on without fuel.
            let handler = handler.map(|part| Box::new(step_before(with_steps(*part, own))));
            Term::TryCatch(boxed(body, own), handler)
        }
        Term::IfThenElse(branches, otherwise) => {
            let branches = branches
                .into_iter()
                .map(|(condition, branch)| (with_steps(condition, own), with_steps(branch, own)));
            Term::IfThenElse(branches.collect(), otherwise.map(|part| boxed(part, own)))
        }
        Term::Def(definitions, rest) => {
            let visible = own.len();
            let mut counted = Vec::with_capacity(definitions.len());
            for Def { name, args, body } in definitions {
                let outside = own.len();
                own.extend(args.iter().map(|argument| (*argument, 0)));
                let body = with_steps(body, own);
                own.truncate(outside);
                own.push((name, args.len()));
                counted.push(Def { name, args, body });
            }
            let rest = Box::new(with_steps(*rest, own));
            own.truncate(visible);
            Term::Def(counted, rest)
        }
        Term::Call(name, arguments) => {
            let is_own = own.contains(&(name, arguments.len()));
            let arguments = arguments.into_iter().map(|part| with_steps(part, own)).collect();
            let call = Term::Call(name, arguments);
            if is_own { step_before(call) } else { call }
        }
        Term::Path(start, Path(parts)) => {
            let parts = parts.into_iter().map(|(part, opt)| {
                let part = match part {
                    Part::Index(index) => Part::Index(bound_with_steps(index, own)),
                    Part::Range(start, end) => Part::Range(
                        start.map(|part| bound_with_steps(part, own)),
                        end.map(|part| bound_with_steps(part, own)),
                    ),
                };
                (part, opt)
            });
            let parts = parts.collect();
            Term::Path(boxed(start, own), Path(parts))
        }
    }
}

/// Puts a step before an index that is calculated: jaq calculates it twice, so that an index in an
/// index doubles.
fn bound_with_steps<'s>(term: Term<&'s str>, own: &mut Vec<(&'s str, usize)>) -> Term<&'s str> {
    match term {
        Term::Num(_) | Term::Var(_) => term,
        Term::Str(None, ref parts)
            if parts.iter().all(|part| !matches!(part, StrPart::Term(_))) =>
        {
            term
        }
        other => step_before(with_steps(other, own)),
    }
}

fn pattern_with_steps<'s>(pattern: &mut Pattern<&'s str>, own: &mut Vec<(&'s str, usize)>) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(parts) => parts.iter_mut().for_each(|part| pattern_with_steps(part, own)),
        Pattern::Obj(members) => {
            for (name, part) in members {
                *name = with_steps(mem::take(name), own);
                pattern_with_steps(part, own);
            }
        }
    }
}
