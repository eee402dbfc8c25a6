//! The problems of status objects: how an order ends without a result.

use super::{Problem, ProblemType};

/// The processor said that the work cannot be done.
#[must_use]
pub fn processing_failed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemType::ProcessingFailed).detail(detail)
}

/// The processor broke its protocol.
#[must_use]
pub fn processor_protocol(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemType::ProcessorProtocol).detail(detail)
}

/// One attempt took longer than a job may.
#[must_use]
pub fn processing_timed_out(seconds: f64) -> Problem {
    Problem::new(ProblemType::ProcessingTimedOut)
        .detail(format!("the work was stopped after {seconds} s, the longest that one attempt may take"))
}

/// The attempt was cut off by the end of the function's time.
#[must_use]
pub fn function_timed_out(seconds: f64) -> Problem {
    Problem::new(ProblemType::FunctionTimedOut)
        .detail(format!("the work was stopped after {seconds:.0} s, when the function's time was over"))
}

/// The attempt was cut off although it had as long as Lambda ever gives.
#[must_use]
pub fn outlasts_functions(seconds: f64) -> Problem {
    Problem::new(ProblemType::OutlastsFunctions).detail(format!(
        "the work was stopped after {seconds:.0} s, and no function runs longer than 900 s; \
         such orders need a worker in a container"
    ))
}

/// Every attempt failed.
#[must_use]
pub fn attempts_exhausted(attempts: u32, last_error: Option<&str>) -> Problem {
    Problem::new(ProblemType::AttemptsExhausted)
        .detail(format!("{attempts} attempts were made{}", last_error_of(last_error)))
}

/// The queue moved the order's message to the dead-letter queue: it was received too often without
/// an end.
#[must_use]
pub fn dead_lettered(attempts: u32, last_error: Option<&str>) -> Problem {
    Problem::new(ProblemType::DeadLettered).detail(format!(
        "the queue moved the order to the dead-letter queue; {attempts} attempts were started{}",
        last_error_of(last_error)
    ))
}

/// The order's own deadline passed.
#[must_use]
pub fn deadline_exceeded() -> Problem {
    Problem::new(ProblemType::DeadlineExceeded).detail(
        "the order did not finish before its deadline; order again, or allow more time in options.deadline_seconds",
    )
}

/// Whether an operator may redrive an order that ended so: another attempt may succeed.
#[must_use]
pub fn is_dead(problem: &Problem) -> bool {
    problem.is(ProblemType::AttemptsExhausted) || problem.is(ProblemType::DeadLettered)
}

fn last_error_of(last_error: Option<&str>) -> String {
    last_error.map(|e| format!("; the last error was: {e}")).unwrap_or_default()
}
