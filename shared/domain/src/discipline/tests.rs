use proptest::prelude::*;

use super::*;

fn ms(ms: i64) -> TimeDelta {
    TimeDelta::milliseconds(ms)
}

fn span_of(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A machine and the true time. The program starts when the true time is `START`.
#[derive(Clone, Copy)]
struct Machine {
    truth: DateTime<Utc>,
    monotonic: Duration,
    /// What the system's clock is ahead.
    ahead: TimeDelta,
    /// By how many parts in a million the monotonic clock is too fast.
    drift: i32,
}

const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 300_000_000).unwrap();

impl Machine {
    fn ahead(ahead: TimeDelta) -> Self {
        Self { truth: START, monotonic: Duration::ZERO, ahead, drift: 0 }
    }

    fn moment(&self) -> Moment {
        Moment { monotonic: self.monotonic, system: self.truth + self.ahead }
    }

    fn runs(&mut self, time: Duration) {
        self.truth += time;
        self.monotonic += time.mul_f64(1.0 + f64::from(self.drift) / 1e6);
    }

    /// A request: so long to the server, whose clock is ahead, and so long back.
    fn asks(&mut self, there: Duration, server_ahead: TimeDelta, back: Duration) -> DatedAnswer {
        let sent = self.monotonic;
        self.runs(there);
        let date = DateTime::from_timestamp((self.truth + server_ahead).timestamp(), 0).unwrap();
        self.runs(back);
        DatedAnswer { sent, received: self.moment(), date }
    }

    fn learns(&mut self, discipline: &mut Discipline, service: &str) {
        let answer = self.asks(span_of(5), ms(0), span_of(5));
        discipline.learn(service, answer);
    }

    /// What the estimate is ahead of the truth.
    fn error(&self, discipline: &Discipline) -> TimeDelta {
        discipline.estimate(self.moment()).now - self.truth
    }
}

#[test]
fn until_the_first_answer_the_time_is_the_systems() {
    let machine = Machine::ahead(ms(1_200_000));
    let estimate = Discipline::new().estimate(machine.moment());
    assert_eq!(estimate, Estimate { now: machine.moment().system, uncertainty: None, offset: ms(0) });
}

#[test]
fn one_answer_corrects_a_clock_that_is_minutes_off() {
    for ahead in [1_200_000, -1_200_000] {
        let (mut machine, mut discipline) = (Machine::ahead(ms(ahead)), Discipline::new());
        machine.learns(&mut discipline, "dynamodb");
        let estimate = discipline.estimate(machine.moment());
        assert!(machine.error(&discipline).abs() < ms(1_010), "{estimate:?}");
        assert!((estimate.offset + ms(ahead)).abs() < ms(1_010), "{estimate:?}");
        machine.runs(Duration::from_secs(3_600));
        assert!(machine.error(&discipline).abs() < ms(1_010), "the monotonic clock carries it on");
    }
}

#[test]
fn many_answers_leave_little_uncertainty() {
    let (mut machine, mut discipline) = (Machine::ahead(ms(60_000)), Discipline::new());
    for _ in 0..40 {
        machine.learns(&mut discipline, "dynamodb");
        machine.runs(span_of(90));
    }
    assert!(machine.error(&discipline).abs() < ms(60), "{:?}", discipline.estimate(machine.moment()));
}

#[test]
fn the_drift_of_the_monotonic_clock_is_allowed_for() {
    for drift in [-150, 150] {
        let mut machine = Machine { drift, ..Machine::ahead(ms(60_000)) };
        let mut discipline = Discipline::new();
        for _ in 0..20 {
            machine.learns(&mut discipline, "dynamodb");
            machine.runs(Duration::from_secs(10_000));
            let estimate = discipline.estimate(machine.moment());
            assert!(machine.error(&discipline).abs() <= estimate.uncertainty.unwrap(), "{estimate:?}");
            assert!((ms(1_500)..ms(4_000)).contains(&estimate.uncertainty.unwrap()), "{estimate:?}");
        }
    }
}

#[test]
fn after_a_suspension_a_right_clock_is_believed_at_once() {
    let (mut machine, mut discipline) = (Machine::ahead(ms(0)), Discipline::new());
    machine.learns(&mut discipline, "dynamodb");
    machine.truth += Duration::from_secs(7_200);
    assert_eq!(machine.error(&discipline), ms(0));
    machine.learns(&mut discipline, "dynamodb");
    assert_eq!(machine.error(&discipline), ms(0));
}

#[test]
fn after_a_suspension_one_answer_corrects_a_wrong_clock() {
    let (mut machine, mut discipline) = (Machine::ahead(ms(600_000)), Discipline::new());
    for service in ["dynamodb", "s3", "sqs"] {
        machine.learns(&mut discipline, service);
    }
    // A virtual machine that was paused: both of its clocks have stopped.
    machine.truth += Duration::from_secs(7_200);
    machine.ahead -= TimeDelta::seconds(7_200);
    machine.learns(&mut discipline, "s3");
    assert!(machine.error(&discipline).abs() < ms(1_010));
}

#[test]
fn a_clock_that_is_set_right_is_believed_and_one_that_is_set_wrong_is_not() {
    let (mut machine, mut discipline) = (Machine::ahead(ms(-600_000)), Discipline::new());
    machine.learns(&mut discipline, "s3");
    machine.ahead = ms(0);
    assert_eq!(machine.error(&discipline), ms(0), "NTP has set it");
    machine.learns(&mut discipline, "s3");
    machine.ahead = ms(-600_000);
    assert!(machine.error(&discipline).abs() < ms(1_010), "set back");
    machine.ahead = ms(600_000);
    machine.learns(&mut discipline, "s3");
    assert!(machine.error(&discipline).abs() < ms(1_010), "set ahead: known with the next answer");
}

#[test]
fn servers_that_disagree_are_outvoted_and_a_draw_goes_to_the_system() {
    let (mut machine, mut discipline) = (Machine::ahead(ms(0)), Discipline::new());
    let wrong = |machine: &mut Machine| machine.asks(span_of(1), ms(600_000), span_of(1));
    machine.learns(&mut discipline, "dynamodb");
    for _ in 0..3 {
        discipline.learn("s3", wrong(&mut machine));
        assert_eq!(machine.error(&discipline), ms(0), "the system and DynamoDB against S3");
    }
    machine.ahead = ms(600_000);
    machine.learns(&mut discipline, "sqs");
    machine.learns(&mut discipline, "dynamodb");
    assert!(machine.error(&discipline).abs() < ms(1_010), "DynamoDB and SQS against S3 and the system");
}

#[test]
fn a_wrong_clock_is_reported_once_and_again_when_it_changes() {
    let mut reports = ClockReports::new();
    let reported = [0, 4_900, 60_000, 60_900, 61_000, 66_000, 4_000, 100, 0, -7_000].map(|at| reports.next(ms(at)));
    let wrong = |at| Some(ClockReport::Wrong(ms(at)));
    let right = Some(ClockReport::RightAgain);
    assert_eq!(reported, [None, None, wrong(60_000), None, None, wrong(66_000), None, right, None, wrong(-7_000)]);
}

/// What happens next: time passes, and a service answers.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, u64, usize, i64)>> {
    prop::collection::vec((0u64..100_000, 0u64..3_000, 0u64..3_000, 0usize..3, -400i64..400), 1..40)
}

proptest! {
    #[test]
    fn the_truth_is_within_the_stated_uncertainty(ahead in -5_000_000i64..5_000_000, steps in steps()) {
        let (mut machine, mut discipline) = (Machine::ahead(ms(ahead)), Discipline::new());
        for (idle, there, back, service, server_ahead) in steps {
            machine.runs(span_of(idle));
            let answer = machine.asks(span_of(there), ms(server_ahead), span_of(back));
            discipline.learn(["s3", "sqs", "dynamodb"][service], answer);
            let estimate = discipline.estimate(machine.moment());
            prop_assert!(machine.error(&discipline).abs() <= estimate.uncertainty.unwrap(), "{estimate:?}");
            // Half of a second, of the slack on both sides, of the longest round trip; and drift.
            prop_assert!(machine.error(&discipline).abs() <= ms(2 * (1_000 + 1_000 + 6_000) / 2), "{estimate:?}");
        }
    }

    #[test]
    fn a_right_clock_is_never_made_worse(
        steps in steps(),
        suspensions in prop::collection::vec(0u64..10_000_000, 40),
    ) {
        let (mut machine, mut discipline) = (Machine::ahead(ms(0)), Discipline::new());
        for ((idle, there, back, service, server_ahead), suspended) in steps.into_iter().zip(suspensions) {
            machine.runs(span_of(idle));
            if idle % 3 == 0 {
                machine.truth += span_of(suspended);
            }
            prop_assert_eq!(discipline.estimate(machine.moment()).offset, ms(0));
            let answer = machine.asks(span_of(there), ms(server_ahead), span_of(back));
            discipline.learn(["s3", "sqs", "dynamodb"][service], answer);
            prop_assert_eq!(discipline.estimate(machine.moment()).offset, ms(0));
        }
    }

    #[test]
    fn the_time_goes_on_between_answers(ahead in -5_000_000i64..5_000_000, idle in 0u64..10_000_000) {
        let (mut machine, mut discipline) = (Machine::ahead(ms(ahead)), Discipline::new());
        machine.learns(&mut discipline, "s3");
        let before = discipline.estimate(machine.moment()).now;
        machine.runs(span_of(idle));
        let passed = discipline.estimate(machine.moment()).now - before;
        // The middle of the bounds stays; a system's clock at their edge may be believed again.
        prop_assert!((passed - ms(i64::try_from(idle).unwrap())).abs() <= ms(1_010 + 2 * 2_000), "{passed}");
    }
}
