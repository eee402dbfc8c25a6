//! A breadth-first checker of explicit states: every state that a model can reach, each once, with
//! the shortest way to it.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

/// What is checked.
pub(crate) trait Model {
    /// A state of the whole system.
    type State: Copy + Eq + Hash;
    /// One step of one actor, to be read by people.
    type Step: fmt::Display;

    /// Where it begins.
    fn initial(&self) -> Self::State;

    /// Everything that can happen next.
    fn next(&self, state: &Self::State, steps: &mut Vec<(Self::Step, Self::State)>);

    /// The property that a step breaks, if it breaks one.
    fn broken(&self, before: &Self::State, after: &Self::State) -> Option<&'static str>;

    /// The one state that stands for all that differ from `state` by names only.
    fn canonical(&self, state: Self::State) -> Self::State;

    /// The goal.
    fn settled(&self, state: &Self::State) -> bool;
}

/// The property that the goal can be reached from every state that can be reached.
///
/// It says more than that every state without a next one is settled: it finds wheels that turn for
/// ever, too. And it is what "always ends" means here: faults are bounded, and what may happen
/// again and again (a lease that runs out, a message that comes again, a sweep) does happen in the
/// end.
pub(crate) const ENDS: &str = "(d) every accepted order ends, in the table and in S3";

/// What a check found out.
#[derive(Debug)]
pub struct Report {
    /// States that can be reached.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The longest of the shortest ways.
    pub depth: usize,
    /// What breaks a property first, if anything does.
    pub counterexample: Option<Counterexample>,
}

/// A shortest way to break a property.
#[derive(Debug)]
pub struct Counterexample {
    /// The property.
    pub property: &'static str,
    /// The way.
    pub trace: Vec<String>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; broken in {} steps:", self.property, self.trace.len())?;
        self.trace.iter().enumerate().try_for_each(|(i, step)| writeln!(f, "{:>4}. {step}", i + 1))
    }
}

/// States in the order of their discovery, which with breadth first is the order of their distance.
struct Seen<S> {
    states: Vec<S>,
    parents: Vec<u32>,
    depths: Vec<u16>,
    // By hash, because the states themselves are in `states`; one whose hash is taken goes to the
    // next number.
    index: HashMap<u64, u32, BuildHasherDefault<Folded>>,
    hasher: BuildHasherDefault<DefaultHasher>,
}

/// A hasher of hashes: they are spread well already.
#[derive(Default)]
struct Folded(u64);

impl std::hash::Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

impl<S: Copy + Eq + Hash> Seen<S> {
    fn new() -> Self {
        let (states, parents, depths) = (Vec::new(), Vec::new(), Vec::new());
        Self { states, parents, depths, index: HashMap::default(), hasher: BuildHasherDefault::default() }
    }

    /// The number of a state, and its distance if it is new.
    fn number(&mut self, state: S, parent: u32) -> u32 {
        let mut hash = self.hasher.hash_one(state);
        loop {
            match self.index.get(&hash) {
                Some(&i) if self.states[i as usize] == state => return i,
                Some(_) => hash = hash.wrapping_add(1),
                None => break,
            }
        }
        let i = u32::try_from(self.states.len()).expect("fewer than 2^32 states");
        self.index.insert(hash, i);
        let depth = self.depths.get(parent as usize).map_or(0, |d| d + 1);
        self.states.push(state);
        self.parents.push(parent);
        self.depths.push(depth);
        i
    }

    /// The states from the first to number `i`.
    fn path(&self, mut i: u32) -> Vec<S> {
        let mut path = vec![self.states[i as usize]];
        while i != 0 {
            i = self.parents[i as usize];
            path.push(self.states[i as usize]);
        }
        path.reverse();
        path
    }
}

/// Visits every state. Ends at the first property that is broken.
pub(crate) fn check<M: Model>(model: &M) -> Report {
    let mut seen = Seen::new();
    seen.number(model.canonical(model.initial()), 0);
    // Of each state, in turn: how many steps there are, and where they lead.
    let (mut counts, mut targets): (Vec<u16>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut steps = Vec::new();
    let mut current = 0;
    while current < seen.states.len() {
        let state = seen.states[current];
        let number = u32::try_from(current).expect("fewer than 2^32 states");
        model.next(&state, &mut steps);
        counts.push(u16::try_from(steps.len()).expect("few steps from one state"));
        for (_, next) in steps.drain(..) {
            if let Some(property) = model.broken(&state, &next) {
                let trace = trace(model, &seen.path(number), Some(property));
                return report(&seen, targets.len(), Some(Counterexample { property, trace }));
            }
            targets.push(seen.number(model.canonical(next), number));
        }
        current += 1;
    }
    let lost = first_lost(model, &seen, &counts, &targets);
    let counterexample = lost.map(|i| Counterexample { property: ENDS, trace: trace(model, &seen.path(i), None) });
    report(&seen, targets.len(), counterexample)
}

fn report<S>(seen: &Seen<S>, steps: usize, counterexample: Option<Counterexample>) -> Report {
    let depth = seen.depths.last().copied().unwrap_or(0).into();
    Report { states: seen.states.len(), steps, depth, counterexample }
}

/// The nearest state from which the goal cannot be reached.
fn first_lost<M: Model>(model: &M, seen: &Seen<M::State>, counts: &[u16], targets: &[u32]) -> Option<u32> {
    // The steps backwards: the states before a state are in `sources`, from `starts` of the state
    // to that of the next.
    let mut starts = vec![0u32; seen.states.len() + 1];
    targets.iter().for_each(|t| starts[*t as usize + 1] += 1);
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let (mut sources, mut free) = (vec![0u32; targets.len()], starts.clone());
    let mut rest = targets.iter();
    for (source, count) in (0u32..).zip(counts) {
        for target in rest.by_ref().take(usize::from(*count)) {
            sources[free[*target as usize] as usize] = source;
            free[*target as usize] += 1;
        }
    }
    let mut good: Vec<bool> = seen.states.iter().map(|s| model.settled(s)).collect();
    let mut open: Vec<usize> = (0..good.len()).filter(|i| good[*i]).collect();
    while let Some(i) = open.pop() {
        for source in &sources[starts[i] as usize..starts[i + 1] as usize] {
            let source = *source as usize;
            if !good[source] {
                good[source] = true;
                open.push(source);
            }
        }
    }
    good.iter().position(|g| !g).and_then(|i| u32::try_from(i).ok())
}

/// The steps between the states of a path, and the one from its end that breaks a property.
///
/// The states of the path are canonical, so that what is worker 1 in one may be worker 2 in the
/// next. The names in the trace are those of one run.
fn trace<M: Model>(model: &M, path: &[M::State], property: Option<&str>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut trace = Vec::new();
    let mut state = model.initial();
    for pair in path.windows(2) {
        let mut step_to = |from: &M::State| {
            steps.clear();
            model.next(from, &mut steps);
            let taken = steps.iter().find(|(_, next)| model.canonical(*next) == pair[1]);
            taken.map(|(step, next)| (step.to_string(), *next))
        };
        // States that differ by names only may still be two; then the names change on the way.
        if let Some((step, next)) = step_to(&state).or_else(|| step_to(&pair[0])) {
            trace.push(step);
            state = next;
        }
    }
    if property.is_some() {
        steps.clear();
        model.next(&state, &mut steps);
        let last = steps.iter().find(|(_, next)| model.broken(&state, next) == property);
        trace.extend(last.map(|(step, _)| step.to_string()));
    }
    trace
}
